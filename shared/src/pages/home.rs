//! The start page: what this is, where to go, and how much there is.

use std::time::Duration;

use askama::Template;
use http::StatusCode;
use tracing::warn;

use super::static_files::Asset;
use super::stats::{self, Count, Stats};
use super::texts::{Home, Job, Texts};
use super::visit::Visit;
use crate::app::App;
use crate::error::Error;
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// `GET /`
pub const HOME: Endpoint = Endpoint {
    name: "home-page",
    methods: &[Verb::Get],
    paths: &["/"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    // Without the store there are no numbers; everything else is there.
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |app, request| Box::pin(home(app, request)),
};

/// How long the page waits for its numbers; the script brings them later.
const NUMBERS_LIMIT: Duration = Duration::from_secs(2);

/// In place of a number that is not known.
const UNKNOWN: &str = "–";

/// Something that holds data.
pub(super) const DATABASE: &str = "M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0";

/// An arrow, a picture, a sheet with an arrow, a box, sound, a database.
const ICONS: [&str; 6] = [
    "M12 17V4M7 9l5-5 5 5M4 15v5h16v-5",
    "M4 4h16v16H4zM4 16l5-5 4 4 2-2 5 5M15.5 8.5h.01",
    "M6 3h9l4 4v14H6zM12 17V10M9 13l3-3 3 3",
    "M4 8h16v12H4zM3 4h18v4H3zM10 12h4",
    "M4 9v6h4l5 4V5L8 9zM16.5 8.5a5 5 0 0 1 0 7M19 6a8.5 8.5 0 0 1 0 12",
    DATABASE,
];

#[derive(Template)]
#[template(path = "home.html")]
struct Page {
    visit: Visit,
    text: &'static Home,
    jobs: [(&'static str, &'static Job, &'static str); 6],
    numbers: [Number; 5],
    base: String,
    common: String,
    script: String,
}

/// A number as it is shown; the script finds it by its name in the answer of `/api/stats`.
struct Number {
    name: &'static str,
    label: &'static str,
    count: String,
    bytes: String,
    sized: bool,
}

async fn home(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let text = &visit.texts.home;
    let page = Page {
        text,
        jobs: [
            ("/upload", &text.upload, ICONS[0]),
            ("/images/", &text.gallery, ICONS[1]),
            ("/files", &text.files, ICONS[2]),
            ("/archives", &text.archives, ICONS[3]),
            ("/speech", &text.speech, ICONS[4]),
            ("/instances", &text.instances, ICONS[5]),
        ],
        base: request.base_url(&app.config),
        numbers: numbers(visit.texts, known(app).await),
        common: Asset::CommonScript.url(),
        script: Asset::HomeScript.url(),
        visit,
    };
    Ok(Reply::Raw(page.visit.page(StatusCode::OK, Policy::Scripts, &page)?))
}

/// The numbers, if they are to be had at once.
async fn known(app: &App) -> Option<Stats> {
    app.storage().ok()?;
    match tokio::time::timeout(NUMBERS_LIMIT, stats::of(app)).await {
        Ok(Ok(stats)) => return Some(stats),
        Ok(Err(error)) => warn!(causes = error.causes(), "no numbers for the start page: {error}"),
        Err(_) => warn!("the numbers for the start page take too long"),
    }
    None
}

fn numbers(texts: &Texts, stats: Option<Stats>) -> [Number; 5] {
    let text = &texts.home;
    let number = |name, label, sized, count: Option<Count>| Number {
        name,
        label,
        count: count.map_or_else(|| UNKNOWN.to_owned(), |count| count.shown(&texts.units)),
        bytes: count.filter(|count| count.bytes > 0).map_or_else(String::new, |count| texts.units.bytes(count.bytes)),
        sized,
    };
    [
        number("images", text.images, true, stats.map(|stats| stats.images)),
        number("files", text.finished, true, stats.map(|stats| stats.files)),
        number("archives", text.folders, false, stats.map(|stats| stats.archives)),
        number("speech.tracks", text.tracks, true, stats.map(|stats| stats.spoken.tracks)),
        number("instances", text.databases, false, stats.map(|stats| stats.instances)),
    ]
}
