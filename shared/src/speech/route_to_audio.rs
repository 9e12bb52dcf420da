//! `POST /route_to_audio` and `POST /string_to_audio`: a text for a route.

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::input;
use super::script::{Script, Texts};
use super::{Accepted, accept};
use crate::app::App;
use crate::error::Error;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// A text as SSML, or what stands under `text` in a JSON document.
pub const ROUTE_TO_AUDIO: Endpoint = Endpoint {
    name: "speech-route",
    paths: &["/route_to_audio", "/route_to_audio/"],
    handler: |app, request| Box::pin(route_to_audio(app, request)),
    ..STRING_TO_AUDIO
};

/// A plain text.
pub const STRING_TO_AUDIO: Endpoint = Endpoint {
    name: "speech-string",
    methods: &[Verb::Post],
    paths: &["/string_to_audio", "/string_to_audio/"],
    auth: Auth::Open,
    dialect: Dialect::Msg,
    needs: Needs::Store,
    limits: Limits { body: BODY_LIMIT, ..Limits::READ },
    handler: |app, request| Box::pin(string_to_audio(app, request)),
};

/// The largest request: a route may have much beside its texts.
const BODY_LIMIT: u64 = 1024 * 1024;

/// What a client sends. Of a wrong type is not malformed: each has an error of its own.
#[derive(Deserialize)]
struct Asked {
    route_id: Option<Value>,
    route_text: Option<Value>,
    route_json: Option<Texts>,
    lang: Option<Value>,
    voice: Option<Value>,
}

impl Asked {
    fn route_id(&self) -> &str {
        self.route_id.as_ref().and_then(Value::as_str).unwrap_or_default()
    }
}

async fn route_to_audio(app: &App, request: Request) -> Result<Reply, Error> {
    let asked = read(request).await?;
    let limit = app.config.speech.text_limit;
    let script = match (&asked.route_text, &asked.route_json) {
        (Some(text), _) => Script::from_ssml(text.as_str().ok_or_else(invalid_text)?, limit)?,
        (None, Some(json)) if json.is_object() => Script::from_paragraphs(json.as_slice(), limit)?,
        (None, Some(_)) => return Err(Error::invalid("Invalid route_json")),
        (None, None) => return Err(incomplete()),
    };
    answer(app, &asked, &script).await
}

async fn string_to_audio(app: &App, request: Request) -> Result<Reply, Error> {
    let asked = read(request).await?;
    let text = asked.route_text.as_ref().ok_or_else(incomplete)?.as_str().ok_or_else(invalid_text)?;
    let script = Script::from_paragraphs(&[text], app.config.speech.text_limit)?;
    answer(app, &asked, &script).await
}

async fn read(request: Request) -> Result<Asked, Error> {
    let asked: Asked = input::read(request.body, BODY_LIMIT).await?;
    if asked.route_id().is_empty() { Err(incomplete()) } else { Ok(asked) }
}

async fn answer(app: &App, asked: &Asked, script: &Script) -> Result<Reply, Error> {
    let lang = text(asked.lang.as_ref(), "lang")?;
    let voice = text(asked.voice.as_ref(), "voice")?;
    let (status, msg) = match accept(app, asked.route_id(), script, lang, voice).await? {
        Accepted::New => (StatusCode::OK, "OK"),
        Accepted::Working => (StatusCode::CREATED, "ALREADY_HAVE_TASK"),
        Accepted::Done => (StatusCode::OK, "ALREADY_DONE"),
    };
    Ok(Reply::Json(status, msg.into()))
}

/// A text that may be left out.
fn text<'a>(value: Option<&'a Value>, name: &'static str) -> Result<Option<&'a str>, Error> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Error::invalid(format!("Invalid {name}"))),
    }
}

fn incomplete() -> Error {
    Error::invalid("Please provide fields route_id and (route_json or route_text)")
}

fn invalid_text() -> Error {
    Error::invalid("Invalid route_text")
}
