//! What callers send besides blocks. Numbers may come as JSON numbers or as text: old clients send both.

use std::ops::Range;

use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use super::CALL_LIMIT;
use crate::error::Error;
use crate::http::{Request, body};

/// The fields of a call.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a JSON object, or a form where the request says that it is one; some clients say so of all they send.
    pub(super) async fn read(request: Request) -> Result<Self, Error> {
        let kind = request.header(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let bytes = body::collect(request.body, CALL_LIMIT).await?;
        let object = bytes.trim_ascii_start().starts_with(b"{");
        if kind.starts_with("application/x-www-form-urlencoded") && !object {
            return Ok(Self(form(&bytes)));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => Ok(Self(fields)),
            Ok(_) => Err(Error::invalid("The body must be a JSON object.")),
            Err(cause) => Err(Error::invalid("The body is not JSON.").caused_by(cause)),
        }
    }

    /// A field as it is; null if absent.
    pub(super) fn value(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// A field that must be text.
    pub(super) fn text(&self, name: &str) -> Result<&str, Error> {
        self.value(name).as_str().ok_or_else(|| Error::invalid(format!("{name} must be a string.")))
    }

    /// A field that must be a number, or text that is one.
    pub(super) fn number(&self, name: &str) -> Result<u64, Error> {
        let value = self.value(name);
        let number = value.as_u64().or_else(|| value.as_str().and_then(decimal));
        number.ok_or_else(|| not_a_number(name))
    }
}

/// A query parameter that must be there.
pub(super) fn query(request: &Request, name: &str) -> Result<String, Error> {
    let given = request.query(name).filter(|value| !value.is_empty());
    given.ok_or_else(|| Error::invalid(format!("{name} is missing.")))
}

/// A query parameter that must be a number.
pub(super) fn query_number(request: &Request, name: &str) -> Result<u64, Error> {
    decimal(&query(request, name)?).ok_or_else(|| not_a_number(name))
}

/// Digits only: no sign, no point, no exponent.
pub(super) fn decimal(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

pub(super) fn not_a_number(name: &str) -> Error {
    Error::invalid(format!("{name} must be an integer, not negative, in decimal digits."))
}

/// An MD5 in hex, in lower case from here on.
pub(super) fn md5(name: &str, text: &str) -> Result<String, Error> {
    let fits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits { Ok(text.to_ascii_lowercase()) } else { Err(Error::invalid(format!("{name} must be 32 hex digits."))) }
}

/// The bytes of a block of a file of `size` bytes; both ends belong to it.
pub(super) fn range((start, end): (u64, u64), size: u64) -> Result<Range<u64>, Error> {
    if start > end {
        return Err(out_of_range("startByte lies behind endByte."));
    }
    if end >= size {
        return Err(out_of_range("endByte lies beyond the end of the file."));
    }
    Ok(start..end + 1)
}

pub(super) fn out_of_range(why: &'static str) -> Error {
    Error::invalid(why).with_code("8")
}

fn form(bytes: &[u8]) -> Map<String, Value> {
    let text = String::from_utf8_lossy(bytes);
    let decode =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), Value::String(decode(value)))).collect()
}

#[cfg(test)]
mod tests {
    use super::{decimal, range};

    #[test]
    fn numbers_are_digits() {
        assert_eq!(decimal("007"), Some(7));
        assert_eq!(decimal("18446744073709551615"), Some(u64::MAX));
        for other in ["", "-1", "+1", "1e3", "1.0", " 1", "NaN", "0x1", "18446744073709551616", "\u{661}"] {
            assert_eq!(decimal(other), None, "{other:?}");
        }
    }

    #[test]
    fn both_ends_of_a_block_belong_to_it() {
        assert_eq!(range((0, 0), 1).unwrap(), 0..1);
        assert_eq!(range((3, 9), 10).unwrap(), 3..10);
        for (start, end, size) in [(1, 0, 9), (0, 10, 10), (0, 0, 0), (u64::MAX, u64::MAX, 10)] {
            assert_eq!(range((start, end), size).unwrap_err().code(), Some("8"));
        }
    }
}
