//! What the forms of the page of databases send. Each carries the key: it is in no address and in no cookie, and the page that
//! answers has it in its own forms.

use http::StatusCode;
use http::header::WWW_AUTHENTICATE;
use serde_json::json;
use tracing::warn;

use super::instances::{Form, INSTANCES, Problem, Sheet, User, ask, draw, refusals};
use super::texts::{self, Texts};
use super::visit::Visit;
use crate::app::App;
use crate::auth;
use crate::error::{Error, Kind};
use crate::http::{Endpoint, Needs, Reply, Request, Verb, body, form_value};
use crate::instances::spec::{self, Wish};
use crate::instances::{self, CREATE_MYSQL, Instance, State};

/// `POST /instances`: does what a form asks for, and shows what its user has then.
pub const INSTANCES_FORM: Endpoint = Endpoint {
    name: "instances-form",
    methods: &[Verb::Post],
    needs: Needs::Store,
    limits: CREATE_MYSQL.limits,
    handler: |app, request| Box::pin(submitted(app, request)),
    ..INSTANCES
};

/// What a form asks for.
enum Action {
    List,
    Mysql,
    Redis,
    Restart,
    Rotate,
    Delete,
}

/// What a form sends.
struct Sent {
    action: Action,
    /// As the form calls the action.
    word: String,
    /// Of the instance that it is about.
    id: String,
    /// Whether the user was asked.
    sure: bool,
    /// The same in a form that is sent again.
    once: String,
    form: Form,
}

/// What came of it.
enum Done {
    /// Something to be told, or nothing.
    News(&'static str),
    /// The user is to be asked first.
    Ask(Box<Instance>),
}

async fn submitted(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let sent = body::collect(request.body, INSTANCES_FORM.limits.body).await?;
    let sent = String::from_utf8_lossy(&sent);
    let key = form_value(&sent, "key").unwrap_or_default().trim().to_owned();
    let user = match auth::user(&app.config, &key) {
        Ok(name) => User { name, key },
        Err(error) => return stranger(app, visit, &error).await,
    };
    let sent = Sent::read(&sent);
    match act(app, &visit.texts.instances, &user.name, &sent).await {
        Ok(Done::Ask(instance)) => ask(visit, &sent.word, user, &instance),
        Ok(Done::News(news)) => {
            draw(app, visit, StatusCode::OK, Sheet { user: Some(user), news, ..Sheet::default() }).await
        }
        Err(error) if is_told(&error) => {
            if !error.causes().is_empty() {
                warn!(causes = error.causes(), "a form is not obeyed: {error}");
            }
            let problem = Some(problem(visit.texts, &error));
            let sheet = Sheet { user: Some(user), problem, form: sent.form, ..Sheet::default() };
            draw(app, visit, error.kind().status(), sheet).await
        }
        Err(error) => Err(error),
    }
}

/// The answer to a key that nobody has.
async fn stranger(app: &App, visit: Visit, error: &Error) -> Result<Reply, Error> {
    let sheet = Sheet { problem: Some(problem(visit.texts, error)), ..Sheet::default() };
    let Reply::Raw(mut response) = draw(app, visit, error.kind().status(), sheet).await? else {
        return Err(Error::internal("draw a page", "it is none"));
    };
    let challenge = error.headers().iter().filter(|(name, _)| name == WWW_AUTHENTICATE);
    response.headers_mut().extend(challenge.cloned());
    Ok(Reply::Raw(response))
}

impl Sent {
    fn read(sent: &str) -> Self {
        let value = |name| form_value(sent, name).unwrap_or_default();
        let (word, blank) = (value("action"), Form::default());
        Self {
            action: match &*word {
                "mysql" => Action::Mysql,
                "redis" => Action::Redis,
                "restart" => Action::Restart,
                "rotate" => Action::Rotate,
                "delete" => Action::Delete,
                _ => Action::List,
            },
            word,
            id: value("id"),
            sure: !value("sure").is_empty(),
            once: value("once"),
            form: Form {
                charset: form_value(sent, "charset").unwrap_or(blank.charset),
                collation: value("collation"),
                memory: form_value(sent, "memory").unwrap_or(blank.memory),
                ttl: value("ttl"),
            },
        }
    }
}

async fn act(app: &App, text: &texts::Instances, owner: &str, sent: &Sent) -> Result<Done, Error> {
    let id = &*sent.id;
    let changes = matches!(sent.action, Action::Restart | Action::Rotate | Action::Delete);
    if changes && !sent.sure {
        return Ok(Done::Ask(Box::new(instances::detail(app, owner, id).await?)));
    }
    let (state, news) = match sent.action {
        Action::List => (State::Ready, ""),
        Action::Mysql => (create(app, owner, spec::mysql(&mysql(&sent.form))?, &sent.once).await?, text.made),
        Action::Redis => (create(app, owner, spec::redis(&redis(&sent.form))?, &sent.once).await?, text.made),
        Action::Restart => (instances::restart(app, owner, id).await?.state, text.restarted),
        Action::Rotate => (instances::rotate_password(app, owner, id).await?.state, text.rotated),
        Action::Delete if instances::delete(app, owner, id).await? => (State::Ready, text.deleted),
        Action::Delete => (State::Deleting, ""),
    };
    Ok(Done::News(if state == State::Ready { news } else { text.on_its_way }))
}

/// A form that is sent again, as by a reload of the page, asks for the same instance; one that was changed for another.
async fn create(app: &App, owner: &str, wish: Wish, once: &str) -> Result<State, Error> {
    let key = (!once.is_empty()).then(|| format!("form {once} {wish:?}"));
    Ok(instances::create(app, owner, wish, key.as_deref()).await?.instance.state)
}

fn mysql(form: &Form) -> Vec<u8> {
    let collation = optional(&form.collation);
    json!({ "charset": form.charset, "collation": collation, "ttl": optional(&form.ttl) }).to_string().into_bytes()
}

fn redis(form: &Form) -> Vec<u8> {
    json!({ "memory": form.memory.trim(), "ttl": optional(&form.ttl) }).to_string().into_bytes()
}

fn optional(value: &str) -> Option<&str> {
    Some(value).filter(|value| !value.is_empty())
}

/// Whether it is for the user: what else breaks is told by the door, which writes it down.
fn is_told(error: &Error) -> bool {
    error.kind() != Kind::Internal || error.causes().is_empty()
}

/// In the language of the reader where it is known, as the API says it otherwise.
fn problem(texts: &Texts, error: &Error) -> Problem {
    let known = refusals(texts).into_iter().find(|(begins, ..)| error.message().starts_with(begins));
    match known {
        Some((_, words, field)) => Problem { words, english: false, field },
        None => Problem { words: error.message().to_owned(), english: true, field: "" },
    }
}
