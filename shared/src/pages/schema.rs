//! The parts of the OpenAPI document in words: references, schemas, prose.

use serde_json::Value;

/// The bounds of a schema that are worth a word, with that word.
const BOUNDS: [(&str, &str); 7] = [
    ("format", "format"),
    ("contentMediaType", "media type"),
    ("pattern", "pattern"),
    ("minimum", "at least"),
    ("maximum", "at most"),
    ("minLength", "characters, at least"),
    ("maxLength", "characters, at most"),
];

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Code(String),
    /// The name of a schema, which the page has further down.
    Schema(String),
}

/// Paragraphs.
pub(super) type Prose = Vec<Vec<Piece>>;

/// A schema that has a name.
pub(super) struct Schema {
    pub(super) name: String,
    pub(super) description: Prose,
    pub(super) kind: Vec<Piece>,
    pub(super) properties: Vec<Property>,
}

pub(super) struct Property {
    pub(super) name: String,
    pub(super) kind: Vec<Piece>,
    pub(super) optional: bool,
    pub(super) description: Prose,
}

/// What a `$ref` names; anything else is itself.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// All schemas, each with its properties.
pub(super) fn schemas(document: &Value) -> Vec<Schema> {
    let all = document["components"]["schemas"].as_object().into_iter().flatten();
    let schema = |(name, schema): (&String, &Value)| Schema {
        name: name.clone(),
        description: prose(&schema["description"]),
        kind: type_of(schema),
        properties: properties(schema),
    };
    all.map(schema).collect()
}

fn properties(schema: &Value) -> Vec<Property> {
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|own| own == name));
    let property = |(name, property): (&String, &Value)| Property {
        name: name.clone(),
        kind: type_of(property),
        optional: !required(name),
        description: prose(&property["description"]),
    };
    schema["properties"].as_object().into_iter().flatten().map(property).collect()
}

/// The type of a schema in a few words, with its name where it has one.
pub(super) fn type_of(schema: &Value) -> Vec<Piece> {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return vec![Piece::Schema(name.to_owned())];
    }
    if let Some(words) = schema["enum"].as_array() {
        let or = || Piece::Text(" or ".to_owned());
        let pieces = words.iter().flat_map(|word| [or(), Piece::Code(text(word))]);
        return pieces.skip(1).collect();
    }
    let mut pieces = match &schema["type"] {
        Value::String(kind) if kind == "array" => {
            let mut pieces = vec![Piece::Text("array of ".to_owned())];
            pieces.extend(type_of(&schema["items"]));
            pieces
        }
        Value::Array(kinds) => vec![Piece::Text(kinds.iter().map(text).collect::<Vec<_>>().join(" or "))],
        kind => vec![Piece::Text(text(kind))],
    };
    for (key, word) in BOUNDS {
        if let Some(bound) = schema.get(key) {
            pieces.extend([Piece::Text(format!(", {word} ")), Piece::Code(text(bound))]);
        }
    }
    pieces
}

/// A string as it is, anything else as JSON.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A description: paragraphs, and `code` between backticks. Nothing else of Markdown is used.
pub(super) fn prose(value: &Value) -> Prose {
    let paragraphs = value.as_str().into_iter().flat_map(|text| text.split("\n\n"));
    paragraphs.map(inline).collect()
}

fn inline(paragraph: &str) -> Vec<Piece> {
    let parts = paragraph.split('`').map(str::to_owned).enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { Piece::Code(part) } else { Piece::Text(part) }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Piece::{Code, Schema, Text};
    use super::{prose, type_of};

    #[test]
    fn prose_is_paragraphs_with_code() {
        let expected =
            vec![vec![Text("a <b> ".into()), Code("c&d".into()), Text(String::new())], vec![Text("e".into())]];
        assert_eq!(prose(&json!("a <b> `c&d`\n\ne")), expected);
        assert!(prose(&json!(null)).is_empty());
    }

    #[test]
    fn types_are_told_in_words() {
        assert_eq!(
            type_of(&json!({ "type": "integer", "minimum": 1 })),
            [Text("integer".into()), Text(", at least ".into()), Code("1".into())]
        );
        assert_eq!(
            type_of(&json!({ "type": "array", "items": { "type": ["string", "null"] } })),
            [Text("array of ".into()), Text("string or null".into())]
        );
        assert_eq!(type_of(&json!({ "enum": ["a", "<"] })), [Code("a".into()), Text(" or ".into()), Code("<".into())]);
        assert_eq!(type_of(&json!({ "$ref": "#/components/schemas/Msg" })), [Schema("Msg".into())]);
    }
}
