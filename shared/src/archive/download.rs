//! `GET /archive/{hash}/`: the ZIP itself.

use std::future::Future;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use tracing::info;

use super::plan::{Entry, Plan, plan};
use super::send::{Contents, send};
use super::{checksums, folder, missing, names};
use crate::app::App;
use crate::error::{BoxError, Error};
use crate::http::{Auth, Dialect, Endpoint, Needs, Reply, Request, Verb, body};
use crate::storage::key::VersionId;
use crate::storage::{Fetch, Fetched, Key, Storage};

/// Sends the archive of a folder.
pub const DOWNLOAD: Endpoint = Endpoint {
    name: "archive-download",
    methods: &[Verb::Get],
    paths: &["/archive/{hash}/", "/archive/{hash}"],
    auth: Auth::Open,
    dialect: Dialect::Plain,
    needs: Needs::Store,
    limits: super::PLANNING,
    handler: |app, request| Box::pin(download(app, request)),
};

async fn download(app: &App, request: Request) -> Result<Reply, Error> {
    let folder = folder(request.param("hash"))?;
    if !request.uri.path().ends_with('/') {
        return with_slash(&request);
    }
    let storage = app.storage()?;
    let plan = plan(storage, &app.config.archive_prefix, folder).await?.ok_or_else(missing)?;
    let representation = plan.representation();
    let answer = representation.answer(&request.method, &request.headers)?;
    info!(
        request = request.id.as_str(),
        folder,
        entries = plan.entries.len(),
        bytes = representation.length,
        ranges = representation.ranges,
        "archive planned"
    );
    let contents = FromStore { storage: storage.clone(), folder: folder.into() };
    let delay = Duration::from_secs(app.config.delay_seconds.into());
    let plan = Arc::new(plan);
    let mut response = representation.respond(answer, |range| body::stream(send(plan, contents, range, delay)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    let name = request.query("name").unwrap_or_else(|| folder.to_owned());
    if let Ok(disposition) = HeaderValue::try_from(names::disposition(&name)) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(Reply::Raw(response))
}

/// 308 to the path with the slash; relative, so that it is right behind any proxy.
fn with_slash(request: &Request) -> Result<Reply, Error> {
    let query = request.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let target = format!("{}/{query}", request.uri.path());
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let location = HeaderValue::try_from(target).map_err(|cause| Error::internal("redirect", cause))?;
    response.headers_mut().insert(LOCATION, location);
    Ok(Reply::Raw(response))
}

/// Contents from the bucket, in the version that the plan saw.
#[derive(Clone)]
struct FromStore {
    storage: Storage,
    folder: Arc<str>,
}

impl Contents for FromStore {
    fn fetch(
        &self,
        entry: &Entry,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Fetched, BoxError>> + Send + 'static {
        let (bucket, key, etag) = (self.storage.archives.clone(), entry.key.clone(), entry.etag.clone());
        async move { Ok(bucket.get(&Key::Listed(&key), Fetch { range, if_match: Some(&etag) }).await?) }
    }

    fn learned(&self, entry: &Entry, crc32: u32) -> impl Future<Output = Result<(), BoxError>> + Send + 'static {
        let (storage, folder) = (self.storage.clone(), self.folder.clone());
        let (key, etag, size) = (entry.key.clone(), entry.etag.clone(), entry.size);
        async move {
            checksums::record(&storage, &folder, (&key, &etag, size), crc32).await?;
            if storage.archives.name() != storage.main.name() {
                // A directory sends no events: the records of older versions are taken away here.
                let version = VersionId::of(&key, &etag, size);
                checksums::forget_others(&storage, &folder, &key, Some(version)).await?;
            }
            Ok(())
        }
    }

    /// A listing of just these keys: one request for a thousand of them.
    async fn unchanged(&self, plan: Arc<Plan>, sent: Range<usize>) -> Result<(), BoxError> {
        let prefix = &plan.entries[sent.start].key[..plan.prefix_length()];
        let prefix = Key::Listed(prefix);
        let before = sent.start.checked_sub(1).map(|index| Key::Listed(&plan.entries[index].key));
        let bucket = &self.storage.archives;
        let mut pages = before.map_or_else(|| bucket.list(&prefix), |before| bucket.list_after(&prefix, &before));
        let mut expected = plan.entries[sent].iter().peekable();
        while expected.peek().is_some() {
            let page = pages.next().await?.ok_or("an object has vanished while its archive was sent")?;
            for object in page {
                // What lies between two entries came after the archive was planned.
                match expected.next_if(|entry| *entry.key <= *object.key) {
                    Some(entry) if *entry.key == *object.key && *entry.etag == *object.etag => {}
                    Some(_) => return Err("an object has changed while its archive was sent".into()),
                    None => {}
                }
            }
        }
        Ok(())
    }
}
