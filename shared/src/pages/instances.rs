//! The page of databases: asks for a key, and shows what its user has.

use askama::Template;
use http::header::CACHE_CONTROL;
use http::{HeaderValue, StatusCode};
use serde_json::Value;

use super::home::DATABASE;
use super::static_files::Asset;
use super::texts::{self, Gallery, Texts};
use super::visit::Visit;
use crate::app::App;
use crate::auth::KEY_LIMIT;
use crate::error::Error;
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};
use crate::instances::spec::{CHARSETS, Charset, Database, MEMORY};
use crate::instances::{self, Instance, State};
use crate::random_name;

/// `GET /instances`: asks for a key; a script that remembers one shows the rest.
pub const INSTANCES: Endpoint = Endpoint {
    name: "instances-page",
    methods: &[Verb::Get],
    paths: &["/instances", "/instances/"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |app, request| Box::pin(entrance(app, request)),
};

/// Passwords are in it, and a key: nothing keeps a copy.
const NO_COPY: HeaderValue = HeaderValue::from_static("no-store");

/// What a page shows.
#[derive(Default)]
pub(super) struct Sheet {
    /// Whose databases; without a user, a key is asked for.
    pub(super) user: Option<User>,
    /// What was done.
    pub(super) news: &'static str,
    pub(super) problem: Option<Problem>,
    pub(super) form: Form,
}

/// Somebody whose key is known.
#[derive(Clone)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) key: String,
}

/// What the forms of new databases are filled in with.
pub(super) struct Form {
    pub(super) charset: String,
    /// Empty for the one that goes with the character set.
    pub(super) collation: String,
    pub(super) memory: String,
    /// In seconds; empty for good.
    pub(super) ttl: String,
}

/// Why something was not done.
#[derive(Default)]
pub(super) struct Problem {
    pub(super) words: String,
    /// Whether the words are those of the API.
    pub(super) english: bool,
    /// The field that it is about, if any.
    pub(super) field: &'static str,
}

#[derive(Template)]
#[template(path = "instances.html")]
struct Page {
    visit: Visit,
    text: &'static texts::Instances,
    gallery: &'static Gallery,
    upload: &'static texts::Upload,
    icon: &'static str,
    /// Empty if it is asked for.
    key: String,
    key_limit: usize,
    /// Makes a form that is sent twice ask once; empty where nobody may ask.
    once: String,
    news: &'static str,
    problem: Problem,
    refusals: Vec<(&'static str, String)>,
    form: Form,
    charsets: Vec<(&'static str, Vec<String>)>,
    memory: (u32, u32),
    memory_hint: String,
    rows: Vec<Row>,
    /// What a script fills in.
    blank: Row,
    /// Whether something changes by itself.
    unsettled: bool,
    common: String,
    script: String,
}

#[derive(Template)]
#[template(path = "instance-question.html")]
struct Ask {
    visit: Visit,
    text: &'static texts::Instances,
    question: &'static texts::Question,
    key: String,
    id: String,
    name: String,
}

/// A database. The words are those of the API.
#[derive(Default)]
struct Row {
    id: String,
    kind: &'static str,
    about: String,
    word: &'static str,
    state: &'static str,
    created: (String, String),
    expires: (String, String),
    reason: String,
    /// Whether its address is worth to be told.
    reached: bool,
    /// Host, port, user, password, URI.
    facts: [String; 5],
}

/// Something of a database that programs need.
struct Fact<'a> {
    name: &'static str,
    label: &'static str,
    value: &'a str,
    is_secret: bool,
}

impl Default for Form {
    fn default() -> Self {
        let memory = "256".to_owned();
        Self { charset: "utf8mb4".to_owned(), collation: String::new(), memory, ttl: String::new() }
    }
}

async fn entrance(app: &App, request: Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    draw(app, visit, StatusCode::OK, Sheet::default()).await
}

/// The page as an answer.
pub(super) async fn draw(app: &App, visit: Visit, status: StatusCode, sheet: Sheet) -> Result<Reply, Error> {
    let Sheet { user, news, problem, form } = sheet;
    let texts = visit.texts;
    let all = match &user {
        Some(user) => instances::list(app, &user.name).await?,
        None => Vec::new(),
    };
    let rows = all.iter().rev().map(|instance| row(app, texts, instance)).collect::<Result<_, _>>()?;
    let page = Page {
        text: &texts.instances,
        gallery: &texts.gallery,
        upload: &texts.upload,
        icon: DATABASE,
        once: user.as_ref().map_or_else(String::new, |_| random_name()),
        key: user.map_or_else(String::new, |user| user.key),
        key_limit: KEY_LIMIT,
        news,
        problem: problem.unwrap_or_default(),
        refusals: refusals(texts).into_iter().map(|(begins, words, _)| (begins, words)).collect(),
        form,
        charsets: CHARSETS.iter().map(|charset| (charset.name, collations(charset))).collect(),
        memory: (*MEMORY.start(), *MEMORY.end()),
        memory_hint: with_bounds(texts, texts.instances.memory_hint),
        rows,
        blank: Row::default(),
        unsettled: all.iter().any(|instance| !instance.state.is_settled()),
        common: Asset::CommonScript.url(),
        script: Asset::InstancesScript.url(),
        visit,
    };
    Ok(Reply::Raw(private(page.visit.page(status, Policy::Scripts, &page)?)))
}

/// Asks before something is done with an instance.
pub(super) fn ask(visit: Visit, action: &str, user: User, instance: &Instance) -> Result<Reply, Error> {
    let text = &visit.texts.instances;
    let question = text.questions.iter().find(|question| question.action == action);
    let question = question.ok_or_else(|| Error::internal("ask", "there is no such question"))?;
    let name = format!("{} {}", kind(&instance.spec.database), instance.id);
    let page = Ask { text, question, key: user.key, id: instance.id.clone(), name, visit };
    Ok(Reply::Raw(private(page.visit.page(StatusCode::OK, Policy::Strict, &page)?)))
}

fn private<T>(mut response: http::Response<T>) -> http::Response<T> {
    response.headers_mut().insert(CACHE_CONTROL, NO_COPY);
    response
}

/// How the API's refusals begin, what is said instead in the language of the reader, and which field it is about.
pub(super) fn refusals(texts: &Texts) -> [(&'static str, String, &'static str); 7] {
    let text = &texts.instances;
    [
        ("An API key is missing", text.wrong_key.to_owned(), "key"),
        ("There is no such instance", text.missing.to_owned(), ""),
        ("You may have at most", text.quota.to_owned(), ""),
        ("memory must be", with_bounds(texts, text.wrong_memory), "memory"),
        ("The collation is not known", text.wrong_collation.to_owned(), "collation"),
        ("The instance engine does not answer", text.silent.to_owned(), ""),
        ("The instance is ", text.occupied.to_owned(), ""),
    ]
}

fn with_bounds(texts: &Texts, words: fn(&str, &str) -> String) -> String {
    words(&texts.units.number((*MEMORY.start()).into()), &texts.units.number((*MEMORY.end()).into()))
}

fn collations(charset: &Charset) -> Vec<String> {
    charset.collations.iter().map(|ending| format!("{}_{ending}", charset.name)).collect()
}

fn kind(database: &Database) -> &'static str {
    match database {
        Database::Mysql { .. } => "MySQL",
        Database::Redis { .. } => "Redis",
    }
}

fn row(app: &App, texts: &Texts, instance: &Instance) -> Result<Row, Error> {
    let (text, data, word) = (&texts.instances, instances::view(app, instance)?, instance.state.word());
    let told = |name: &str| match &data[name] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    let time = |name| {
        let machine = told(name);
        (machine.clone(), minute(&machine))
    };
    let reason = match &instance.state {
        State::Failed { reason } => reason.clone(),
        _ => String::new(),
    };
    Ok(Row {
        id: instance.id.clone(),
        kind: kind(&instance.spec.database),
        about: match &instance.spec.database {
            Database::Mysql { collation, .. } => collation.clone(),
            Database::Redis { memory } => format!("{} {}", texts.units.number((*memory).into()), text.megabytes),
        },
        word,
        state: text.states.iter().find(|(name, _)| *name == word).map_or(word, |(_, words)| words),
        created: time("created_at"),
        expires: time("expires_at"),
        reason,
        // Before it is there nobody gets in, and what fails at once has no address.
        reached: !matches!(instance.state, State::Creating | State::Deleting) && data["host"].is_string(),
        facts: ["host", "port", "user", "pwd", "uri"].map(told),
    })
}

/// A time to the minute, without what a reader does not need.
fn minute(machine: &str) -> String {
    match machine.split_at_checked("2026-01-01T00:00".len()) {
        Some((time, _)) => format!("{} UTC", time.replace('T', " ")),
        None => String::new(),
    }
}

impl Row {
    fn facts(&self, text: &texts::Instances) -> [Fact<'_>; 5] {
        let [host, port, user, password, uri] = &self.facts;
        [
            Fact { name: "host", label: text.host, value: host, is_secret: false },
            Fact { name: "port", label: text.port, value: port, is_secret: false },
            Fact { name: "user", label: text.user, value: user, is_secret: false },
            Fact { name: "pwd", label: text.password, value: password, is_secret: true },
            Fact { name: "uri", label: text.uri, value: uri, is_secret: true },
        ]
    }

    /// What can be done: as the form calls it, in words, and whether it can be done now. The script knows the same.
    fn actions(&self, text: &texts::Instances) -> [(&'static str, &'static str, bool); 3] {
        let is_ready = self.word == "ready";
        [
            ("restart", text.restart, is_ready || (self.word == "failed" && self.reached)),
            ("rotate", text.rotate, is_ready),
            ("delete", text.delete, self.word != "deleting"),
        ]
    }
}
