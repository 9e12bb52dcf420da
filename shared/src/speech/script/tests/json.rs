//! Texts of a JSON document.

use super::super::Texts;

fn texts(json: &str) -> Vec<String> {
    serde_json::from_str::<Texts>(json).expect(json).as_slice().to_vec()
}

#[test]
fn texts_come_in_the_order_of_the_document() {
    let json = r#"{"z": {"text": "one"}, "text": "two", "a": [{"text": "three", "b": {"text": "four"}}, {"text": "five"}],
                   "route": {"text": {"title": "not this", "text": "six"}}, "name": "nor this", "text": "seven"}"#;
    assert_eq!(texts(json), ["one", "two", "three", "four", "five", "six", "seven"]);
}

#[test]
fn only_strings_count() {
    assert_eq!(texts(r#"{"text": null, "a": {"text": 1}, "b": {"text": -1.5e3}, "c": {"text": true}}"#), [""; 0]);
    assert_eq!(
        texts(r#"{"text": ["a", ["b", 1], {"text": "c", "d": "e"}], "Text": "f", "text ": "g"}"#),
        ["a", "b", "c"]
    );
    assert_eq!(texts(r#"{"te\u0078t": "\ud83d\ude00 \u0416\n", "x": {"text": ""}}"#), ["😀 Ж\n", ""]);
}

#[test]
fn anything_else_is_no_object() {
    assert!(serde_json::from_str::<Texts>("{}").unwrap().is_object());
    for json in ["[]", r#"[{"text": "a"}]"#, r#""text""#, "1", "-1", "1.5", "true", "null"] {
        assert!(!serde_json::from_str::<Texts>(json).unwrap().is_object(), "{json}");
    }
    assert_eq!(texts(r#"[{"text": "a"}]"#), ["a"]);
}

#[test]
fn neither_depth_nor_errors_are_forgiven() {
    let deep = |levels: usize| format!("{}1{}", r#"{"text":["#.repeat(levels), "]}".repeat(levels));
    assert!(serde_json::from_str::<Texts>(&deep(50)).is_ok());
    assert!(serde_json::from_str::<Texts>(&deep(100_000)).is_err());
    for json in ["", "{", r#"{"text": "a"} x"#, r#"{"text": "\ud83d"}"#, r#"{text: "a"}"#, "{\"text\": \"\u{0}\"}"] {
        assert!(serde_json::from_str::<Texts>(json).is_err(), "{json}");
    }
}
