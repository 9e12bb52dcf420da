//! `GET /audio/{name}.mp3`: a track.

use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, object};
use crate::is_id;
use crate::storage::{Key, SpeechKey};

/// A track by its name, the whole or a range.
pub const SERVE: Endpoint = Endpoint {
    name: "speech-download",
    methods: &[Verb::Get],
    paths: &["/audio/{name}"],
    auth: Auth::Open,
    dialect: Dialect::Msg,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(serve(app, request)),
};

/// The longest name, in bytes: twice what we give.
const NAME_LIMIT: usize = 44;

/// Not for good, as an image: a damaged track is rendered again under its name.
const FOR_A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");

async fn serve(app: &App, request: Request) -> Result<Reply, Error> {
    let missing = || Error::not_found("There is no such track.");
    let name = request.param("name").strip_suffix(".mp3").filter(|name| is_id(name, NAME_LIMIT)).ok_or_else(missing)?;
    let key = Key::Speech(SpeechKey::Track(name));
    let sent = object::send(&app.storage()?.main, &key, (&request.method, &request.headers)).await?;
    let mut response = sent.ok_or_else(missing)?;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("audio/mpeg"));
    headers.insert(CACHE_CONTROL, FOR_A_MINUTE);
    if let Ok(disposition) = HeaderValue::try_from(format!("inline; filename=\"{name}.mp3\"")) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(Reply::Raw(response))
}
