//! The page of speech: a form for a text, and the routes that have one, those that changed last first.

use askama::Template;
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::static_files::Asset;
use super::stats;
use super::texts::{self, Gallery, Texts};
use super::visit::Visit;
use crate::app::App;
use crate::clock;
use crate::error::Error;
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb, paging};
use crate::speech::script::Language;
use crate::speech::{self, Progress, ROUTE_ID_LIMIT, Row};

/// `GET /speech`, and with `?route=` one route before all others.
pub const SPEECH: Endpoint = Endpoint {
    name: "speech-page",
    methods: &[Verb::Get],
    paths: &["/speech", "/speech/"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    needs: Needs::Store,
    limits: Limits::READ,
    handler: |app, request| Box::pin(speech(app, request)),
};

/// Languages by their subtags, as their speakers call them. The form offers those that an engine speaks.
const LANGUAGES: [(&str, &str); 16] = [
    ("en", "English"),
    ("ru", "Русский"),
    ("zh", "中文"),
    ("ar", "العربية"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("hi", "हिन्दी"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
];

/// How long a page without scripts waits before it looks again, in seconds.
const AGAIN: u8 = 3;

/// What a page shows besides the list.
#[derive(Default)]
pub(super) struct Sheet {
    pub(super) form: Form,
    pub(super) problem: Option<Problem>,
    /// The route that was asked for.
    pub(super) route: Option<Row>,
    /// Where the list begins, if not with the newest.
    pub(super) cursor: Option<String>,
}

/// What the form is filled in with.
#[derive(Default)]
pub(super) struct Form {
    pub(super) name: String,
    pub(super) text: String,
    /// A subtag; empty if it is to be told from the text.
    pub(super) language: String,
    /// Whether the text is SSML.
    pub(super) ssml: bool,
}

/// Why a text was not taken, or what is not there.
pub(super) struct Problem {
    pub(super) words: String,
    /// The field that it is about, if any.
    pub(super) field: &'static str,
}

#[derive(Template)]
#[template(path = "speech.html")]
struct Page {
    visit: Visit,
    text: &'static texts::Speech,
    gallery: &'static Gallery,
    upload: &'static texts::Upload,
    form: Form,
    problem: Problem,
    limit: usize,
    at_most: String,
    name_limit: usize,
    languages: Vec<(&'static str, &'static str)>,
    statistics: String,
    routes: Vec<Shown>,
    /// Whether these are the newest.
    first: bool,
    next: Option<String>,
    /// After how many seconds to look again at the route that was asked for.
    again: Option<u8>,
    common: String,
    script: String,
}

/// A route.
struct Shown {
    name: String,
    href: String,
    asked: bool,
    word: &'static str,
    state: &'static str,
    language: String,
    date: String,
    machine: String,
    reason: Option<String>,
    track: Option<Track>,
}

struct Track {
    path: String,
    url: String,
    size: String,
    seconds: u64,
    duration: String,
}

async fn speech(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let asked = request.query("route").filter(|route| !route.is_empty());
    let route = match &asked {
        Some(asked) => speech::find(app, asked).await?,
        None => None,
    };
    let mut sheet = Sheet { cursor: request.query("cursor").filter(|cursor| !cursor.is_empty()), ..Sheet::default() };
    let mut status = StatusCode::OK;
    if asked.is_some() && route.is_none() {
        status = StatusCode::NOT_FOUND;
        sheet.problem = Some(Problem { words: visit.texts.speech.missing.to_owned(), field: "" });
    }
    sheet.route = route;
    draw(app, visit, &request.base_url(&app.config), status, sheet).await
}

/// The page as an answer; `base` precedes the links to tracks.
pub(super) async fn draw(
    app: &App,
    visit: Visit,
    base: &str,
    status: StatusCode,
    sheet: Sheet,
) -> Result<Reply, Error> {
    let Sheet { form, problem, route, cursor } = sheet;
    let texts = visit.texts;
    let listed = speech::page(app, cursor.as_deref(), paging::PAGE).await?;
    let waits = route.as_ref().is_some_and(|row| row.progress == Progress::Processing);
    let mut routes: Vec<Shown> = route.iter().map(|row| shown(texts, base, row, true)).collect::<Result<_, _>>()?;
    let asked = route.as_ref().map(|row| row.route_id.as_str());
    for row in listed.rows.iter().filter(|row| Some(row.route_id.as_str()) != asked) {
        routes.push(shown(texts, base, row, false)?);
    }
    let limit = app.config.speech.text_limit;
    let page = Page {
        text: &texts.speech,
        gallery: &texts.gallery,
        upload: &texts.upload,
        form,
        problem: problem.unwrap_or(Problem { words: String::new(), field: "" }),
        limit,
        at_most: (texts.speech.at_most)(&texts.units.number(limit as u64)),
        name_limit: ROUTE_ID_LIMIT,
        languages: LANGUAGES.into_iter().filter(|(tag, _)| is_spoken(app, tag)).collect(),
        statistics: statistics(texts, &stats::spoken(app).await?),
        routes,
        first: cursor.is_none(),
        next: listed.next,
        again: waits.then_some(AGAIN),
        common: Asset::CommonScript.url(),
        script: Asset::SpeechScript.url(),
        visit,
    };
    Ok(Reply::Raw(page.visit.page(status, Policy::Sound, &page)?))
}

fn is_spoken(app: &App, tag: &str) -> bool {
    Language::of_tag(tag).is_some_and(|language| app.engines.choose(&language, None).is_ok())
}

fn statistics(texts: &Texts, spoken: &stats::Spoken) -> String {
    let (text, stats::Spoken { routes, tracks }) = (&texts.speech, spoken);
    let (routes, recordings) = (routes.shown(&texts.units), tracks.shown(&texts.units));
    let bytes = texts.units.bytes(tracks.bytes);
    format!("{}: {routes} · {}: {recordings} · {bytes}", text.routes, text.tracks)
}

fn shown(texts: &Texts, base: &str, row: &Row, asked: bool) -> Result<Shown, Error> {
    let (text, machine) = (&texts.speech, clock::rfc3339(row.changed)?);
    let (state, reason, track) = match &row.progress {
        Progress::Processing => (text.processing, None, None),
        Progress::Broken { reason } => (text.broken, Some(reason.clone()), None),
        Progress::Done { name, milliseconds, bytes } => {
            (text.done, None, Some(track(texts, base, name, *milliseconds, *bytes)))
        }
    };
    let known = LANGUAGES.into_iter().find(|(tag, _)| *tag == row.language);
    Ok(Shown {
        name: row.route_id.clone(),
        href: href(&row.route_id),
        asked,
        word: row.progress.word(),
        state,
        language: known.map_or_else(|| row.language.clone(), |(_, name)| name.to_owned()),
        date: machine.chars().take_while(|char| *char != 'T').collect(),
        machine,
        reason,
        track,
    })
}

fn track(texts: &Texts, base: &str, name: &str, milliseconds: u64, bytes: u64) -> Track {
    let (path, seconds) = (speech::link(name), milliseconds.div_ceil(1000));
    Track {
        url: format!("{base}{path}"),
        path,
        size: texts.units.bytes(bytes),
        seconds,
        duration: format!("{}:{:02}", seconds / 60, seconds % 60),
    }
}

/// Where a route is shown before all others.
pub(super) fn href(route_id: &str) -> String {
    format!("/speech?route={}", utf8_percent_encode(route_id, NON_ALPHANUMERIC))
}
