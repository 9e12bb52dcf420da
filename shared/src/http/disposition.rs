//! The name of a file in a `Content-Disposition` (RFC 6266), as it comes from a client.

use percent_encoding::percent_decode_str;

/// The file name, `filename*` (RFC 8187) before `filename`; `None` if there is none, or none that can be read.
pub(crate) fn file_name(header: &str) -> Option<String> {
    let parameters = parameters(header);
    let value = |wanted: &str| parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, v)| v);
    let extended = value("filename*").and_then(|value| extended(value));
    extended.or_else(|| value("filename").cloned()).filter(|name| !name.is_empty())
}

/// `UTF-8'{language}'{percent-encoded}`
fn extended(value: &str) -> Option<String> {
    let mut parts = value.splitn(3, '\'');
    let (charset, _, encoded) = (parts.next()?, parts.next()?, parts.next()?);
    let decoded = percent_decode_str(encoded).decode_utf8().ok()?;
    charset.eq_ignore_ascii_case("utf-8").then(|| decoded.into_owned())
}

/// Names and values behind the disposition's type; a value in quotes may have a semicolon and escapes.
fn parameters(header: &str) -> Vec<(String, String)> {
    let (mut parts, mut part, mut quoted, mut escaped) = (Vec::new(), String::new(), false, false);
    for char in header.chars() {
        match char {
            _ if escaped => {
                part.push(char);
                escaped = false;
            }
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ';' if !quoted => parts.push(std::mem::take(&mut part)),
            _ => part.push(char),
        }
    }
    parts.push(part);
    let pairs = parts.iter().skip(1).filter_map(|part| part.split_once('='));
    pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_name_is_read_in_each_of_its_forms() {
        for (header, name) in [
            ("attachment; filename=a.txt", Some("a.txt")),
            ("inline; FileName=\"a; \\\"b\\\".txt\"", Some("a; \"b\".txt")),
            ("attachment; filename=\"x\"; filename*=UTF-8'en'%C3%A9%20t", Some("é t")),
            ("attachment; filename*=latin1''x; filename=y", Some("y")),
            ("attachment; filename*=UTF-8''%ff; filename=y", Some("y")),
            ("attachment", None),
            ("filename=x", None),
            ("attachment; filename=\"\"", None),
            ("", None),
        ] {
            assert_eq!(file_name(header).as_deref(), name, "{header}");
        }
    }
}
