//! The page that shows what an archive holds, to whoever has its link.

use askama::Template;
use http::StatusCode;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

use super::texts::{Archives, Texts};
use super::visit::Visit;
use crate::app::App;
use crate::archive;
use crate::archive::plan::{Plan, plan};
use crate::error::{Error, Kind};
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// `GET /archives`, and with `?hash=` the entries of one archive.
pub const ARCHIVES: Endpoint = Endpoint {
    name: "archives-page",
    methods: &[Verb::Get],
    paths: &["/archives"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    // What it explains needs none; for an archive it asks for the store itself.
    needs: Needs::Nothing,
    limits: Limits { time: archive::PLANNING.time, ..Limits::READ },
    handler: |app, request| Box::pin(archives(app, request)),
};

/// The longest link that is looked at, in bytes.
const LINK_LIMIT: usize = 2048;

/// How many entries the page shows; the rest is in the JSON.
const ROWS_LIMIT: usize = 500;

#[derive(Template)]
#[template(path = "archives.html")]
struct Page {
    visit: Visit,
    text: &'static Archives,
    base: String,
    asked: String,
    limit: usize,
    problem: Option<&'static str>,
    found: Option<Found>,
}

/// An archive.
struct Found {
    name: String,
    entries: String,
    size: String,
    resumes: bool,
    rows: Vec<Row>,
    more: Option<String>,
}

/// An entry of it.
struct Row {
    name: String,
    size: String,
    modified: String,
    machine: String,
}

async fn archives(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let (texts, text) = (visit.texts, &visit.texts.archives);
    let asked = request.query("hash").map(|asked| asked.trim().to_owned()).filter(|asked| !asked.is_empty());
    let (status, problem, found) = match asked.as_deref().map(folder) {
        None => (StatusCode::OK, None, None),
        Some(None) => (StatusCode::BAD_REQUEST, Some(text.malformed), None),
        Some(Some(folder)) => match plan(app.storage()?, &app.config.archive_prefix, folder).await {
            Ok(Some(plan)) => (StatusCode::OK, None, Some(found(texts, &plan))),
            Ok(None) => (StatusCode::NOT_FOUND, Some(text.missing), None),
            Err(error) if error.kind() == Kind::Unprocessable => (error.kind().status(), Some(text.too_many), None),
            Err(error) => return Err(error),
        },
    };
    let (base, asked) = (request.base_url(&app.config), asked.unwrap_or_default());
    let page = Page { text, base, asked, limit: LINK_LIMIT, problem, found, visit };
    Ok(Reply::Raw(page.visit.page(status, Policy::Strict, &page)?))
}

/// The folder that a link or a code names. Of a link it is what follows `/archive/`.
fn folder(asked: &str) -> Option<&str> {
    let asked = Some(asked).filter(|asked| asked.len() <= LINK_LIMIT)?;
    let code = match asked.split_once("/archive/") {
        Some((_, rest)) => rest.split(['/', '?', '#']).next().unwrap_or_default(),
        None => asked.trim_matches('/'),
    };
    archive::folder(code).ok()
}

fn found(texts: &Texts, plan: &Plan) -> Found {
    let (text, count) = (&texts.archives, plan.entries.len());
    Found {
        name: plan.folder.clone(),
        entries: (text.entries)(count),
        size: texts.units.bytes(plan.layout.total()),
        resumes: plan.is_settled(),
        rows: (0..count.min(ROWS_LIMIT)).map(|index| row(texts, plan, index)).collect(),
        more: count.checked_sub(ROWS_LIMIT).filter(|more| *more > 0).map(text.more),
    }
}

fn row(texts: &Texts, plan: &Plan, index: usize) -> Row {
    let (entry, name) = (&plan.entries[index], plan.member(index).name);
    let moment = i64::try_from(entry.modified).ok().and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok());
    let moment = moment.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    Row {
        name: name.to_owned(),
        size: if name.ends_with('/') { texts.archives.folder.to_owned() } else { texts.units.bytes(entry.size) },
        modified: moment.format(format_description!("[year]-[month]-[day] [hour]:[minute]")).unwrap_or_default(),
        machine: moment.format(&Rfc3339).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::folder;

    #[test]
    fn a_link_or_a_code_names_an_archive() {
        for (asked, code) in [
            ("3f9a1c", Some("3f9a1c")),
            ("/3f9a1c/", Some("3f9a1c")),
            ("https://a.example/archive/3f9a1c/?name=x#y", Some("3f9a1c")),
            ("http://127.0.0.1:8080/archive/3f9a1c", Some("3f9a1c")),
            ("archive/3f9a1c/", None),
            ("/archive/3f9a1c/index.json", Some("3f9a1c")),
            ("/archive/", None),
            ("a b", None),
            ("../x", None),
            ("<script>", None),
        ] {
            assert_eq!(folder(asked), code, "{asked:?}");
        }
        assert_eq!(folder(&"x".repeat(129)), None);
    }
}
