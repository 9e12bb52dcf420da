//! `POST /v1/audio/speech`: text becomes sound while the client listens. The convention is that of OpenAI's speech API;
//! nothing is kept.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::info;

use super::BUSY;
use super::audio::{self, Format};
use super::engine::{Engines, Failure};
use super::input;
use super::script::{Language, Script};
use crate::app::App;
use crate::error::{BoxError, Error, Kind, Problem};
use crate::http::{Auth, Body, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, body};

/// The largest request: the longest text that may be configured, every character escaped as two (RFC 8259, section 7).
const BODY_LIMIT: u64 = 512 * 1024;

/// The longest time until there is sound.
const TIME_LIMIT: Duration = Duration::from_secs(120);

/// How many texts are spoken at once, and how long another waits.
const SPOKEN: usize = 16;
/// See [`SPOKEN`].
const WAIT_LIMIT: Duration = Duration::from_secs(10);

/// The longest `model` and `voice`, in characters.
const NAME_LIMIT: usize = 128;

/// What `speed` may be.
const SPEEDS: std::ops::RangeInclusive<f64> = 0.25..=4.0;

/// Voices of the convention, which clients send unasked: each is the default voice of the language.
const ANY_VOICE: [&str; 13] =
    ["alloy", "ash", "ballad", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer", "verse", "cedar", "marin"];

/// Who is speaking.
static PLACES: Semaphore = Semaphore::const_new(SPOKEN);

/// Speaks a text.
pub const SPEAK: Endpoint = Endpoint {
    name: "speech-speak",
    methods: &[Verb::Post],
    paths: &["/v1/audio/speech"],
    auth: Auth::Open,
    dialect: Dialect::Msg,
    needs: Needs::Store,
    limits: Limits { body: BODY_LIMIT, time: TIME_LIMIT },
    handler: |app, request| {
        Box::pin(async move {
            let spoken = speak(app, request).await;
            spoken.map_err(|(param, error)| with_details(param, error))
        })
    },
};

/// An error, and the field that it is about.
type Wrong = (Option<&'static str>, Error);

async fn speak(app: &App, request: Request) -> Result<Reply, Wrong> {
    let id = request.id.clone();
    let fields = Fields::read(request.body).await?;
    let format = fields.format()?;
    let speed = fields.speed()?;
    let limit = app.config.speech.text_limit;
    let script = Script::from_paragraphs(&[fields.input()?], limit).map_err(|error| (Some("input"), named(error)))?;
    let language = fields.language()?.unwrap_or_else(|| Language::of_text(&script.text()));
    let engines = &app.engines;
    let asked = fields.asked(engines)?;
    let voice = engines.choose(&language, asked.as_deref()).map_err(|error| (Some("voice"), error))?;
    let place = place().await.map_err(|error| (None, error))?;
    let sound = engines.speak(&voice, &script, speed).await.map_err(|failure| (None, failed(failure)))?;
    let mut sound = Box::pin(audio::stream(sound, format));
    // What fails before the first byte is an answer.
    let first = match sound.next().await {
        Some(Ok(first)) => first,
        Some(Err(cause)) => return Err((None, silent(cause))),
        None => return Err((None, Error::unavailable("There was no sound."))),
    };
    info!(request = id.as_str(), engine = voice.engine, voice = voice.name, language = voice.language, "speaking");
    let rest = stream::once(std::future::ready(Ok(first))).chain(sound);
    let mut response = Response::new(body::stream(holding(place, rest)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, format.content_type());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(Reply::Raw(response))
}

/// A stream that has its place as long as it is.
fn holding<S: stream::Stream>(place: SemaphorePermit<'static>, items: S) -> impl stream::Stream<Item = S::Item> {
    items.map(move |item| {
        let _place = &place;
        item
    })
}

async fn place() -> Result<SemaphorePermit<'static>, Error> {
    let place = tokio::time::timeout(WAIT_LIMIT, PLACES.acquire()).await;
    place.ok().and_then(Result::ok).ok_or_else(|| Error::unavailable(BUSY))
}

/// A text that is refused is called as this call has it.
fn named(error: Error) -> Error {
    if error.message() == "Invalid route_text" { Error::invalid("Invalid input").caused_by(error) } else { error }
}

/// What would fail again is not worth another try: nobody is told when to come back.
fn failed(failure: Failure) -> Error {
    let reason = failure.reason.clone();
    let error = if failure.passing { Error::unavailable(reason) } else { Error::new(Kind::Unavailable, reason) };
    error.caused_by(failure)
}

fn silent(cause: BoxError) -> Error {
    match cause.downcast::<Failure>() {
        Ok(failure) => failed(*failure),
        Err(other) => Error::internal("encode the first sound", other),
    }
}

/// What such clients look for in an error, beside what all of ours say.
fn with_details(param: Option<&'static str>, error: Error) -> Error {
    let server = error.kind().status().is_server_error();
    let kind = if server { "server_error" } else { "invalid_request_error" };
    let details = json!({ "message": error.message(), "type": kind, "param": param, "code": null });
    error.with_problem(Problem { kind: "about:blank", title: "Not spoken", members: vec![("error", details)] })
}

/// The fields of a request; those that mean nothing here are passed over.
struct Fields(Map<String, Value>);

impl Fields {
    async fn read(content: Body) -> Result<Self, Wrong> {
        let fields = Self(input::read(content, BODY_LIMIT).await.map_err(|error| (None, error))?);
        // A manner of speaking in words: no engine here knows it.
        fields.text("instructions", usize::MAX)?;
        match fields.text("stream_format", NAME_LIMIT)? {
            None | Some("audio") => Ok(fields),
            Some(_) => Err(wrong("stream_format", "stream_format must be audio")),
        }
    }

    /// A field that is a text of at most `limit` characters, where it is there.
    fn text(&self, name: &'static str, limit: usize) -> Result<Option<&str>, Wrong> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if limit == usize::MAX || text.chars().count() <= limit => Ok(Some(text)),
            Some(Value::String(_)) => Err(wrong(name, format!("{name} has at most {limit} characters"))),
            Some(_) => Err(wrong(name, format!("{name} must be a string"))),
        }
    }

    /// Ours, beside what the convention has.
    fn language(&self) -> Result<Option<Language>, Wrong> {
        let tag = self.text("lang", NAME_LIMIT)?.filter(|tag| !tag.is_empty());
        tag.map(|tag| Language::of_tag(tag).ok_or_else(|| wrong("lang", "Invalid lang"))).transpose()
    }

    fn input(&self) -> Result<&str, Wrong> {
        self.text("input", usize::MAX)?.ok_or_else(|| wrong("input", "No text provided"))
    }

    fn format(&self) -> Result<Format, Wrong> {
        match self.text("response_format", NAME_LIMIT)? {
            None | Some("mp3") => Ok(Format::Mp3),
            Some("wav") => Ok(Format::Wav),
            Some(_) => Err(wrong("response_format", "response_format must be mp3 or wav")),
        }
    }

    fn speed(&self) -> Result<f32, Wrong> {
        let speed = match self.0.get("speed") {
            None | Some(Value::Null) => Some(1.0),
            Some(speed) => speed.as_f64().filter(|speed| SPEEDS.contains(speed)),
        };
        #[allow(clippy::cast_possible_truncation)]
        speed.map(|speed| speed as f32).ok_or_else(|| wrong("speed", "speed must be a number from 0.25 to 4"))
    }

    /// The voice that is asked for, of the engine that `model` may name.
    fn asked(&self, engines: &Engines) -> Result<Option<String>, Wrong> {
        let engine = self.text("model", NAME_LIMIT)?.filter(|model| engines.has(model));
        let voice = self.text("voice", NAME_LIMIT)?.filter(|voice| !voice.is_empty() && !ANY_VOICE.contains(voice));
        Ok(match (engine, voice) {
            (Some(engine), Some(voice)) if !voice.contains(':') => Some(format!("{engine}:{voice}")),
            (engine, voice) => voice.or(engine).map(str::to_owned),
        })
    }
}

fn wrong(param: &'static str, message: impl Into<std::borrow::Cow<'static, str>>) -> Wrong {
    (Some(param), Error::invalid(message))
}
