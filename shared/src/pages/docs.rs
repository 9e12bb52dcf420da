//! The OpenAPI document as a page to read: no script, nothing from another host.

use askama::Template;
use http::StatusCode;
use serde_json::{Map, Value};

use super::openapi;
use super::schema::{Piece, Prose, Schema, prose, resolve, schemas, text, type_of};
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
    title: String,
    version: String,
    summary: String,
    description: Prose,
    sections: Vec<Section>,
    schemas: Vec<Schema>,
}

/// The operations of one tag.
struct Section {
    name: String,
    description: Prose,
    operations: Vec<Operation>,
}

/// One method of one path.
struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: Prose,
    parameters: Vec<Parameter>,
    body: Option<Body>,
    responses: Vec<Response>,
}

struct Parameter {
    name: String,
    place: String,
    required: bool,
    schema: Vec<Piece>,
    description: Prose,
    example: Option<String>,
}

struct Body {
    description: Prose,
    contents: Vec<Content>,
}

struct Response {
    status: String,
    description: Prose,
    headers: Vec<(String, Prose)>,
    contents: Vec<Content>,
}

/// A body of one media type.
struct Content {
    kind: String,
    schema: Vec<Piece>,
    example: Option<String>,
}

fn docs(request: &Request) -> Result<Reply, Error> {
    let document = openapi::document()?;
    let info = &document["info"];
    let page = Page {
        visit: Visit::of(Some(&request.uri), &request.headers),
        title: text(&info["title"]),
        version: text(&info["version"]),
        summary: text(&info["summary"]),
        description: prose(&info["description"]),
        sections: document["tags"].as_array().into_iter().flatten().map(|tag| section(&document, tag)).collect(),
        schemas: schemas(&document),
    };
    Ok(Reply::Raw(page.visit.page(StatusCode::OK, Policy::Strict, &page)?))
}

fn section(document: &Value, tag: &Value) -> Section {
    let tagged = |value: &Value| value["tags"].as_array().is_some_and(|tags| tags.contains(&tag["name"]));
    let mut operations = Vec::new();
    for (path, item) in objects(&document["paths"]) {
        let own = METHODS.iter().filter_map(|method| Some((method, item.get(method).filter(|value| tagged(value))?)));
        operations.extend(own.map(|(method, value)| operation(document, (path, item), method, value)));
    }
    Section { name: text(&tag["name"]), description: prose(&tag["description"]), operations }
}

/// An operation; `item` holds the parameters that all methods of the path share.
fn operation(document: &Value, (path, item): (&str, &Value), method: &str, value: &Value) -> Operation {
    let shared = item["parameters"].as_array().into_iter().flatten();
    let own = value["parameters"].as_array().into_iter().flatten();
    let body = value.get("requestBody").map(|body| resolve(document, body));
    Operation {
        id: text(&value["operationId"]),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(&value["summary"]),
        description: prose(&value["description"]),
        parameters: shared.chain(own).map(|value| parameter(resolve(document, value))).collect(),
        body: body.map(|body| Body { description: prose(&body["description"]), contents: contents(&body["content"]) }),
        responses: objects(&value["responses"])
            .map(|(status, value)| response(document, status, resolve(document, value)))
            .collect(),
    }
}

fn parameter(value: &Value) -> Parameter {
    Parameter {
        name: text(&value["name"]),
        place: text(&value["in"]),
        required: value["required"] == true,
        schema: type_of(&value["schema"]),
        description: prose(&value["description"]),
        example: value.get("example").map(text),
    }
}

fn response(document: &Value, status: &str, value: &Value) -> Response {
    let header = |(name, value): (&str, &Value)| (name.to_owned(), prose(&resolve(document, value)["description"]));
    Response {
        status: status.to_owned(),
        description: prose(&value["description"]),
        headers: objects(&value["headers"]).map(header).collect(),
        contents: contents(&value["content"]),
    }
}

fn contents(value: &Value) -> Vec<Content> {
    let content = |(kind, media): (&str, &Value)| Content {
        kind: kind.to_owned(),
        schema: type_of(&media["schema"]),
        example: media.get("example").map(|example| format!("{example:#}")),
    };
    objects(value).map(content).collect()
}

fn objects(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}
