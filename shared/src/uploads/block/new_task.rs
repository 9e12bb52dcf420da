//! `POST /api/upload/new/task`: a business server applies for a task.

use http::StatusCode;
use serde_json::{Value, json};

use super::input::{self, Fields};
use super::view::{view, word};
use super::{CALL, TASK_ID_LIMIT};
use crate::app::App;
use crate::auth;
use crate::config::{Business, BusinessId};
use crate::error::{Error, Kind};
use crate::http::{Auth, Dialect, Endpoint, Needs, Reply, Request, Verb};
use crate::uploads::destination::destination;
use crate::uploads::finish::REQUEST_BUDGET;
use crate::uploads::standing::Phase;
use crate::uploads::task::{Origin, SIZE_LIMIT, Task, Upload};
use crate::uploads::{PURPOSE, resume};

/// The recommended size of a block, in bytes.
const BLOCK_SIZE: u64 = 4 << 20;

/// The longest `userId`, in characters.
const USER_LIMIT: usize = 256;

/// The most bytes of `feedBackParameter`, as JSON.
const FEEDBACK_LIMIT: usize = 16 * 1024;

/// Begins a task, or finds the one again that lives.
pub const NEW_TASK: Endpoint = Endpoint {
    name: "upload-new-task",
    methods: &[Verb::Post],
    paths: &["/api/upload/new/task"],
    auth: Auth::Open,
    dialect: Dialect::RetCode,
    needs: Needs::Store,
    limits: CALL,
    handler: |app, request| Box::pin(new_task(app, request)),
};

/// What is applied for.
struct Application {
    business: BusinessId,
    user: String,
    store_path: String,
    file_name: String,
    size: u64,
    md5: String,
    feedback: Value,
    destination: String,
}

async fn new_task(app: &App, request: Request) -> Result<Reply, Error> {
    let base = request.base_url(&app.config);
    let fields = Fields::read(request).await?;
    let token = fields.value("token").as_str().unwrap_or_default();
    let business = app.config.business(token).ok_or_else(not_authorised)?;
    let application = Application::read(&fields, BusinessId::of(token), business)?;
    let name = application.name();
    let upload = Upload::resume(app.storage()?, &name, || Ok((task_id(), application.task()?))).await?;
    let status = begin(app, &upload).await?;
    Ok(Reply::Json(StatusCode::OK, described(app, &upload, &base, status)?))
}

impl Application {
    fn read(fields: &Fields, id: BusinessId, business: &Business) -> Result<Self, Error> {
        let size = fields.number("fileSize")?;
        if size > SIZE_LIMIT {
            return Err(Error::invalid("fileSize must be at most 5 TiB."));
        }
        let feedback = fields.value("feedBackParameter").clone();
        if feedback.to_string().len() > FEEDBACK_LIMIT {
            return Err(Error::invalid("feedBackParameter must have at most 16 KiB."));
        }
        let (store_path, file_name) = (fields.text("storePath")?, fields.text("fileName")?);
        Ok(Self {
            business: id,
            user: user(fields.value("userId"))?,
            destination: destination(&business.store_prefix, store_path, file_name)?,
            store_path: store_path.to_owned(),
            file_name: file_name.to_owned(),
            size,
            md5: input::md5("fileMd5", fields.text("fileMd5")?)?,
            feedback,
        })
    }

    /// What makes another application one for the same task.
    fn name(&self) -> String {
        let (business, size) = (self.business.to_string(), self.size.to_string());
        resume::name(&["block", &business, &self.user, &self.md5, &size, &self.destination])
    }

    fn task(&self) -> Result<Task, Error> {
        let origin = Origin::Block {
            business: self.business,
            user: self.user.clone(),
            store_path: self.store_path.clone(),
            file_name: self.file_name.clone(),
            feedback: self.feedback.clone(),
        };
        let task = Task::new(Some(self.size), origin)?;
        Ok(Task { md5: Some(self.md5.clone()), destination: Some(self.destination.clone()), ..task })
    }
}

/// Ends a task at once whose file is there already, or has no bytes. Returns its status.
async fn begin(app: &App, upload: &Upload) -> Result<&'static str, Error> {
    let mut standing = upload.standing().await?;
    upload.end_if_there(&mut standing).await?;
    if upload.task.size == Some(0) || !standing.phase.is_under_way() {
        upload.proceed(&mut standing, REQUEST_BUDGET).await?;
    }
    if matches!(standing.phase, Phase::Ended { .. }) {
        app.wake_workers();
        return Ok(word(standing.phase));
    }
    Ok(view(upload, &mut standing, 1).await?.status)
}

fn described(app: &App, upload: &Upload, base: &str, status: &str) -> Result<Value, Error> {
    let key = auth::capability(&app.config, PURPOSE, &upload.id)?;
    let id: u64 = upload.id.parse().map_err(|cause| Error::internal("read a task's number", format!("{cause}")))?;
    let url = |path: &str| format!("{base}/api/upload/files/{path}?taskId={id}&key={key}");
    Ok(json!({
        "taskId": id,
        "uploadUrl": url("block"),
        "blocksUrl": url("blocks/info"),
        "stateUrl": format!("{base}/api/upload/files/state?key={key}"),
        "presignUrl": url("presign"),
        "blockSize": BLOCK_SIZE,
        "status": status,
    }))
}

fn user(value: &Value) -> Result<String, Error> {
    let user = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let fits = !user.is_empty() && user.chars().count() <= USER_LIMIT;
    if fits { Ok(user) } else { Err(Error::invalid("userId must be a number, or text of 1-256 characters.")) }
}

/// Below [`TASK_ID_LIMIT`], and not 0.
fn task_id() -> String {
    let id = u64::from_le_bytes(crate::random()) % TASK_ID_LIMIT;
    id.max(1).to_string()
}

/// One answer for a token that is missing and for one that is not known.
fn not_authorised() -> Error {
    Error::new(Kind::Unauthorized, "The token is missing or not known.")
}
