//! The OpenAPI document as a page to read, rendered here: no script, nothing from another host.

use askama::Template;
use http::StatusCode;
use serde_json::{Map, Value};

use super::openapi;
use super::schema::{escape, pretty, prose, resolve, schemas, text, type_of};
use super::visit::Visit;
use crate::error::Error;
use crate::http::page::Policy;
use crate::http::{Auth, Dialect, Endpoint, Limits, Needs, Reply, Request, Verb};

/// `GET /docs`: in English only, as the document is.
pub const DOCS: Endpoint = Endpoint {
    name: "docs",
    methods: &[Verb::Get],
    paths: &["/docs"],
    auth: Auth::Open,
    dialect: Dialect::Page,
    needs: Needs::Nothing,
    limits: Limits::READ,
    handler: |_, request| Box::pin(async move { docs(&request) }),
};

/// The methods of an OpenAPI path item, in the order in which they are shown.
const METHODS: [&str; 7] = ["get", "head", "post", "put", "patch", "delete", "options"];

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    visit: Visit,
    content: String,
}

fn docs(request: &Request) -> Result<Reply, Error> {
    let visit = Visit::of(Some(&request.uri), &request.headers);
    let page = Page { content: content_of(&openapi::document()?), visit };
    Ok(Reply::Raw(page.visit.page(StatusCode::OK, Policy::Strict, &page)?))
}

fn content_of(document: &Value) -> String {
    let info = &document["info"];
    let operations = operations(document);
    let tags = document["tags"].as_array().map_or(&[][..], Vec::as_slice);
    format!(
        "<h1>{title} <small>{version}</small></h1>\n<p>{summary}</p>\n{description}\
         <p>The same as <a href=\"/openapi.json\">OpenAPI 3.1</a>.</p>\n<nav aria-label=\"Operations\">\n{contents}</nav>\n\
         {sections}<h2 id=\"schemas\">Schemas</h2>\n{schemas}",
        title = text(&info["title"]),
        version = text(&info["version"]),
        summary = text(&info["summary"]),
        description = prose(&info["description"]),
        contents = tags.iter().map(|tag| contents(tag, &operations)).collect::<String>(),
        sections = tags.iter().map(|tag| section(document, tag, &operations)).collect::<String>(),
        schemas = schemas(document),
    )
}

/// One method of one path.
struct Operation<'a> {
    method: &'static str,
    path: &'a str,
    /// Holds the parameters that all its methods share.
    item: &'a Value,
    value: &'a Value,
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths
        .flat_map(|(path, item)| {
            METHODS.iter().filter_map(move |&method| Some(Operation { method, path, item, value: item.get(method)? }))
        })
        .collect()
}

impl Operation<'_> {
    fn has(&self, tag: &Value) -> bool {
        self.value["tags"].as_array().is_some_and(|tags| tags.contains(&tag["name"]))
    }

    fn title(&self) -> String {
        format!("<code>{} {}</code>", self.method.to_uppercase(), escape(self.path))
    }
}

fn contents(tag: &Value, operations: &[Operation<'_>]) -> String {
    let lines = operations.iter().filter(|operation| operation.has(tag)).map(|operation| {
        let (id, summary) = (text(&operation.value["operationId"]), text(&operation.value["summary"]));
        format!("<li><a href=\"#{id}\">{}</a> {summary}</li>\n", operation.title())
    });
    format!("<p>{}</p>\n<ul>\n{}</ul>\n", text(&tag["name"]), lines.collect::<String>())
}

fn section(document: &Value, tag: &Value, operations: &[Operation<'_>]) -> String {
    let own = operations.iter().filter(|operation| operation.has(tag));
    let name = text(&tag["name"]);
    let body: String = own.map(|operation| article(document, operation)).collect();
    format!("<h2>{name}</h2>\n{}{body}", prose(&tag["description"]))
}

fn article(document: &Value, operation: &Operation<'_>) -> String {
    let own = operation.value;
    format!(
        "<article>\n<h3 id=\"{id}\">{title}</h3>\n<p><strong>{summary}</strong></p>\n{description}{parameters}{body}{responses}</article>\n",
        id = text(&own["operationId"]),
        title = operation.title(),
        summary = text(&own["summary"]),
        description = prose(&own["description"]),
        parameters = parameters(document, operation),
        body = request_body(document, &own["requestBody"]),
        responses = responses(document, &own["responses"]),
    )
}

fn parameters(document: &Value, operation: &Operation<'_>) -> String {
    let shared = operation.item["parameters"].as_array().into_iter().flatten();
    let own = operation.value["parameters"].as_array().into_iter().flatten();
    let rows: String = shared
        .chain(own)
        .map(|parameter| {
            let parameter = resolve(document, parameter);
            let required = if parameter["required"] == true { ", required" } else { "" };
            let example = parameter
                .get("example")
                .map_or(String::new(), |example| format!("<p>Example: <code>{}</code></p>", text(example)));
            format!(
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}{required}</td><td>{}</td><td>{}{example}</td></tr>\n",
                text(&parameter["name"]),
                text(&parameter["in"]),
                type_of(&parameter["schema"]),
                prose(&parameter["description"]),
            )
        })
        .collect();
    table("Parameters", ["Name", "In", "Type", "Meaning"], &rows)
}

fn request_body(document: &Value, body: &Value) -> String {
    if body.is_null() {
        return String::new();
    }
    let body = resolve(document, body);
    format!("<h4>Request body</h4>\n{}{}", prose(&body["description"]), content(&body["content"]))
}

fn responses(document: &Value, responses: &Value) -> String {
    let rows: String = objects(responses)
        .map(|(status, response)| {
            let response = resolve(document, response);
            let headers: String =
                objects(&response["headers"]).map(|(name, header)| header_line(document, name, header)).collect();
            let headers = if headers.is_empty() { headers } else { format!("<ul>{headers}</ul>") };
            format!(
                "<tr><th scope=\"row\">{}</th><td>{}</td><td>{headers}</td><td>{}</td></tr>\n",
                escape(status),
                prose(&response["description"]),
                content(&response["content"]),
            )
        })
        .collect();
    table("Responses", ["Status", "Meaning", "Headers", "Content"], &rows)
}

fn header_line(document: &Value, name: &str, header: &Value) -> String {
    let header = resolve(document, header);
    format!("<li><code>{}</code> {}</li>", escape(name), prose(&header["description"]))
}

fn content(content: &Value) -> String {
    objects(content)
        .map(|(kind, media)| {
            let example = media.get("example").map_or(String::new(), pretty);
            format!("<p><code>{}</code> {}</p>{example}", escape(kind), type_of(&media["schema"]))
        })
        .collect()
}

fn table(title: &str, columns: [&str; 4], rows: &str) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let columns: String = columns.iter().map(|column| format!("<th scope=\"col\">{column}</th>")).collect();
    format!("<h4>{title}</h4>\n<table>\n<thead><tr>{columns}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n")
}

fn objects(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
