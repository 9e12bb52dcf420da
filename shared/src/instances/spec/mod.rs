//! What can be asked for: the bodies of `POST /mysql` and `POST /redis`, read and checked.

mod charset;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;

pub use charset::{CHARSETS, Charset};

/// The memory of a Redis, in MB.
pub const MEMORY: std::ops::RangeInclusive<u32> = 64..=4096;

/// How long an instance may be asked to live, in seconds: a minute to 30 days.
const TTL: std::ops::RangeInclusive<u64> = 60..=30 * 24 * 3600;

/// The longest name of a character set or a collation that is looked at, in bytes.
const NAME_LIMIT: usize = 64;

/// What an instance is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// Which database.
    pub database: Database,
    /// On what it runs.
    pub class: Class,
}

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Database {
    /// MySQL, or what speaks its protocol.
    Mysql {
        /// The server's character set, as servers know it that do not know `utf8` any more.
        charset: String,
        /// The server's collation; it belongs to the character set.
        collation: String,
    },
    /// Redis, or what speaks its protocol.
    Redis {
        /// `maxmemory`, in MB of 1,048,576 bytes.
        memory: u32,
    },
}

/// On what an instance runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    /// On what keeps its data.
    #[default]
    Standard,
    /// On what may lose them, for as long as its time to live; quicker to be had where the other one is a managed service.
    Ephemeral,
}

/// A request that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// What to make.
    pub spec: Spec,
    /// How long it lives, in seconds; for good, if not said.
    pub ttl: Option<u64>,
}

impl Database {
    /// As `GET /list/{kind}` knows it.
    pub fn number(&self) -> &'static str {
        match self {
            Self::Mysql { .. } => "1",
            Self::Redis { .. } => "2",
        }
    }

    /// As answers have it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Mysql { .. } => "mysql",
            Self::Redis { .. } => "redis",
        }
    }

    /// The port that it listens on by itself.
    pub fn port(&self) -> u16 {
        match self {
            Self::Mysql { .. } => 3306,
            Self::Redis { .. } => 6379,
        }
    }
}

/// The fields of both calls. Of a wrong type is not malformed: each has an error of its own.
#[derive(Deserialize)]
struct Fields {
    charset: Option<Value>,
    /// As old clients spell it.
    collection: Option<Value>,
    collation: Option<Value>,
    memory: Option<Value>,
    ttl: Option<Value>,
    class: Option<Value>,
}

/// What `POST /mysql` asks for.
///
/// # Errors
/// 400 says which field is wrong.
pub fn mysql(body: &[u8]) -> Result<Wish, Error> {
    let fields = read(body)?;
    let charset = name(fields.charset.as_ref(), "charset")?
        .ok_or_else(|| Error::invalid("Please provide charset, for example utf8mb4"))?;
    let collation =
        match (name(fields.collation.as_ref(), "collation")?, name(fields.collection.as_ref(), "collection")?) {
            (Some(one), Some(other)) if one != other => {
                return Err(Error::invalid("collation and collection are two names of the same field, and differ"));
            }
            (one, other) => one.or(other),
        };
    let (charset, collation) = charset::pair(&charset, collation.as_deref())?;
    fields.wish(Database::Mysql { charset, collation })
}

/// What `POST /redis` asks for.
///
/// # Errors
/// 400 says which field is wrong.
pub fn redis(body: &[u8]) -> Result<Wish, Error> {
    let fields = read(body)?;
    let problem = || Error::invalid("memory must be a number of MB from 64 to 4096");
    let memory = number(fields.memory.as_ref().ok_or_else(problem)?);
    let memory = memory.and_then(|memory| u32::try_from(memory).ok()).filter(|memory| MEMORY.contains(memory));
    fields.wish(Database::Redis { memory: memory.ok_or_else(problem)? })
}

fn read(body: &[u8]) -> Result<Fields, Error> {
    let malformed = || Error::invalid("The body must be a JSON object");
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(malformed());
    }
    serde_json::from_slice(body).map_err(|cause| malformed().caused_by(cause))
}

impl Fields {
    fn wish(&self, database: Database) -> Result<Wish, Error> {
        let ttl = self.ttl.as_ref().filter(|ttl| !ttl.is_null()).map(|ttl| {
            let seconds = number(ttl).filter(|seconds| TTL.contains(seconds));
            seconds.ok_or_else(|| Error::invalid("ttl must be a number of seconds from 60 to 2592000"))
        });
        let ttl = ttl.transpose()?;
        let class = match self.class.as_ref().map(|class| class.as_str().unwrap_or_default()) {
            None | Some("standard") => Class::Standard,
            Some("ephemeral") if ttl.is_none() => {
                return Err(Error::invalid("An ephemeral instance needs a ttl, in seconds"));
            }
            Some("ephemeral") => Class::Ephemeral,
            Some(_) => return Err(Error::invalid("class must be standard or ephemeral")),
        };
        Ok(Wish { spec: Spec { database, class }, ttl })
    }
}

/// A name, in lower case.
fn name(value: Option<&Value>, field: &'static str) -> Result<Option<String>, Error> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if (1..=NAME_LIMIT).contains(&text.len()) => Ok(Some(text.to_ascii_lowercase())),
        Some(_) => Err(Error::invalid(format!("Invalid {field}"))),
    }
}

/// A number, or one in a string as old clients send it.
fn number(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_u64(),
        Value::String(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Database, Spec, Wish, mysql, redis};

    fn pair(body: &str) -> (String, String) {
        match mysql(body.as_bytes()).unwrap().spec.database {
            Database::Mysql { charset, collation } => (charset, collation),
            Database::Redis { .. } => unreachable!(),
        }
    }

    #[test]
    fn what_clients_send_is_read() {
        let utf8 = ("utf8mb3".to_owned(), "utf8mb3_general_ci".to_owned());
        assert_eq!(pair(r#"{"charset":"utf8","collection":"utf8_general_ci"}"#), utf8);
        assert_eq!(pair(r#"{"charset":"UTF8","collation":"utf8mb3_general_ci"}"#), utf8);
        assert_eq!(pair(r#"{"charset":"latin1"}"#).1, "latin1_swedish_ci");
        let memory =
            |memory| Wish { spec: Spec { database: Database::Redis { memory }, class: Class::Standard }, ttl: None };
        assert_eq!(redis(br#"{"memory":500}"#).unwrap(), memory(500));
        assert_eq!(redis(br#" {"memory":"64","class":"standard","ttl":null}"#).unwrap(), memory(64));
        let ephemeral = redis(br#"{"memory":4096,"class":"ephemeral","ttl":"60"}"#).unwrap();
        assert_eq!((ephemeral.spec.class, ephemeral.ttl), (Class::Ephemeral, Some(60)));
    }

    #[test]
    fn what_cannot_be_made_is_refused() {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "\"charset\"",
            "{}",
            r#"{"charset":1}"#,
            r#"{"charset":""}"#,
            r#"{"charset":"utf9","collation":"utf9_general_ci"}"#,
            r#"{"charset":"utf8","collation":"latin1_swedish_ci"}"#,
            r#"{"charset":"utf8mb4","collation":"utf8mb4_general_ci; rm -rf /"}"#,
            r#"{"charset":"$(reboot)"}"#,
            r#"{"charset":"latin1","collation":"latin1_bin","collection":"latin1_danish_ci"}"#,
            r#"{"charset":"latin1","ttl":59}"#,
            r#"{"charset":"latin1","ttl":2592001}"#,
            r#"{"charset":"latin1","ttl":"x"}"#,
            r#"{"charset":"latin1","class":"large"}"#,
            r#"{"charset":"latin1","class":"ephemeral"}"#,
            r#"{"charset":"latin1","class":1}"#,
        ] {
            assert!(mysql(body.as_bytes()).is_err(), "{body}");
        }
        for body in [
            "",
            "{}",
            r#"{"memory":null}"#,
            r#"{"memory":0}"#,
            r#"{"memory":-1}"#,
            r#"{"memory":63}"#,
            r#"{"memory":4097}"#,
            r#"{"memory":1000000000}"#,
            r#"{"memory":"abc"}"#,
            r#"{"memory":""}"#,
            r#"{"memory":64.5}"#,
            r#"{"memory":"64; id"}"#,
            r#"{"memory":[64]}"#,
            r#"{"memory":99999999999999999999999}"#,
        ] {
            assert!(redis(body.as_bytes()).is_err(), "{body}");
        }
    }
}
