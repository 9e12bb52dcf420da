//! What the form of the speech page sends: a text, which is accepted as those of programs are.

use http::header::LOCATION;
use http::{HeaderValue, Response, StatusCode};

use super::speech::{Form, Problem, SPEECH, Sheet, draw, href};
use super::texts::Texts;
use super::visit::Visit;
use crate::app::App;
use crate::error::{Error, Kind};
use crate::http::{Endpoint, Reply, Request, Verb, body, form_value};
use crate::random_name;
use crate::speech::script::Script;
use crate::speech::{self, Accepted, STRING_TO_AUDIO};

/// `POST /speech`: leads to where the route is shown, or shows the form again with what is wrong.
pub const SPEECH_FORM: Endpoint = Endpoint {
    name: "speech-form",
    methods: &[Verb::Post],
    limits: STRING_TO_AUDIO.limits,
    handler: |app, request| Box::pin(submitted(app, request)),
    ..SPEECH
};

async fn submitted(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let base = request.base_url(&app.config);
    let sent = body::collect(request.body, STRING_TO_AUDIO.limits.body).await?;
    let form = Form::read(&String::from_utf8_lossy(&sent));
    let name = if form.name.is_empty() { random_name() } else { form.name.clone() };
    match take(app, &name, &form).await {
        Ok(_) => see_other(&href(&name)),
        Err(error) if matches!(error.kind(), Kind::Invalid | Kind::Unavailable) => {
            let problem = problem(visit.texts, app.config.speech.text_limit, &form, &error);
            let sheet = Sheet { form, problem: Some(problem), ..Sheet::default() };
            draw(app, visit, &base, error.kind().status(), sheet).await
        }
        Err(error) => Err(error),
    }
}

impl Form {
    fn read(sent: &str) -> Self {
        let value = |name| form_value(sent, name).unwrap_or_default();
        Self {
            name: value("name").trim().to_owned(),
            // A form sends every end of a line as two characters; its limit counts one.
            text: value("text").replace("\r\n", "\n"),
            language: value("language"),
            ssml: form_value(sent, "ssml").is_some(),
        }
    }
}

async fn take(app: &App, name: &str, form: &Form) -> Result<Accepted, Error> {
    let limit = app.config.speech.text_limit;
    let script = match form.ssml {
        true => Script::from_ssml(&form.text, limit)?,
        false => Script::from_paragraphs(&[&form.text], limit)?,
    };
    let language = Some(form.language.as_str()).filter(|language| !language.is_empty());
    speech::accept(app, name, &script, language, None).await
}

/// The messages are those of the contract, section 3, and of the engines.
fn problem(texts: &Texts, limit: usize, form: &Form, error: &Error) -> Problem {
    let text = &texts.speech;
    let (field, words) = match error.message() {
        "No text provided" => ("text", text.no_text.to_owned()),
        "Invalid route_text" if form.ssml => ("text", text.wrong_ssml.to_owned()),
        "Invalid route_text" => ("text", text.wrong_text.to_owned()),
        "route_id must have 1-256 characters" => ("name", text.long_name.to_owned()),
        "Invalid lang" => ("language", text.no_voice.to_owned()),
        other if other.starts_with("Too large text") => ("text", (text.too_long)(&texts.units.number(limit as u64))),
        other if other.starts_with("No speech engine for language") => ("language", text.no_voice.to_owned()),
        other => ("", other.to_owned()),
    };
    Problem { words, field }
}

fn see_other(href: &str) -> Result<Reply, Error> {
    let location = HeaderValue::try_from(href).map_err(|cause| Error::internal("lead to a route", cause))?;
    let mut response = Response::new(body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, location);
    Ok(Reply::Raw(response))
}
