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

/// What a `$ref` names; anything else is itself.
pub(super) fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

/// All schemas, each with its properties.
pub(super) fn schemas(document: &Value) -> String {
    let all = document["components"]["schemas"].as_object().into_iter().flatten();
    all.map(|(name, schema)| {
        let name = escape(name);
        format!("<h3 id=\"schema-{name}\">{name}</h3>\n{}{}", prose(&schema["description"]), properties(schema))
    })
    .collect()
}

fn properties(schema: &Value) -> String {
    let Some(properties) = schema["properties"].as_object() else {
        return format!("<p>{}</p>\n", type_of(schema));
    };
    let required = |name: &str| schema["required"].as_array().is_some_and(|names| names.iter().any(|own| own == name));
    let rows = properties.iter().map(|(name, property)| {
        let presence = if required(name) { "" } else { ", optional" };
        format!(
            "<tr><th scope=\"row\"><code>{}</code></th><td>{}{presence}</td><td>{}</td></tr>\n",
            escape(name),
            type_of(property),
            prose(&property["description"]),
        )
    });
    format!(
        "<table>\n<thead><tr><th scope=\"col\">Property</th><th scope=\"col\">Type</th><th scope=\"col\">Meaning</th></tr></thead>\n\
         <tbody>\n{}</tbody>\n</table>\n",
        rows.collect::<String>()
    )
}

/// The type of a schema in a few words, with a link where it is named.
pub(super) fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        let name = escape(name);
        return format!("<a href=\"#schema-{name}\">{name}</a>");
    }
    if let Some(words) = schema["enum"].as_array() {
        let words: Vec<String> = words.iter().map(|word| format!("<code>{}</code>", text(word))).collect();
        return words.join(" or ");
    }
    let kind = match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("array of {}", type_of(&schema["items"])),
        Value::Array(kinds) => kinds.iter().map(text).collect::<Vec<_>>().join(" or "),
        kind => text(kind),
    };
    let bounds = BOUNDS.iter().filter_map(|(key, word)| {
        let bound = schema.get(key)?;
        Some(format!(", {word} <code>{}</code>", text(bound)))
    });
    kind + &bounds.collect::<String>()
}

/// A JSON example.
pub(super) fn pretty(example: &Value) -> String {
    format!("<pre><code>{}</code></pre>", escape(&format!("{example:#}")))
}

/// Text made safe for HTML content and quoted attributes.
pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A string as it is, anything else as JSON; safe for HTML.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => escape(text),
        other => escape(&other.to_string()),
    }
}

/// A description: paragraphs, and `code` between backticks. Nothing else of Markdown is used.
pub(super) fn prose(value: &Value) -> String {
    let Some(text) = value.as_str() else {
        return String::new();
    };
    text.split("\n\n").map(|paragraph| format!("<p>{}</p>\n", inline(paragraph))).collect()
}

fn inline(paragraph: &str) -> String {
    let parts = paragraph.split('`').enumerate();
    parts
        .map(|(index, part)| if index % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{prose, type_of};

    #[test]
    fn prose_is_escaped_paragraphs_with_code() {
        assert_eq!(prose(&json!("a <b> `c&d`\n\ne")), "<p>a &lt;b&gt; <code>c&amp;d</code></p>\n<p>e</p>\n");
        assert_eq!(prose(&json!(null)), "");
    }

    #[test]
    fn types_are_told_in_words() {
        assert_eq!(type_of(&json!({ "type": "integer", "minimum": 1 })), "integer, at least <code>1</code>");
        assert_eq!(
            type_of(&json!({ "type": "array", "items": { "type": ["string", "null"] } })),
            "array of string or null"
        );
        assert_eq!(type_of(&json!({ "enum": ["a", "<"] })), "<code>a</code> or <code>&lt;</code>");
        assert_eq!(type_of(&json!({ "$ref": "#/components/schemas/Msg" })), "<a href=\"#schema-Msg\">Msg</a>");
    }
}
