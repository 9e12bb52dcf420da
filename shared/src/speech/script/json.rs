//! Finds the texts in a JSON document.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The key that a text stands under.
const KEY: &str = "text";

/// Every string under a key `text` of a JSON document, depth-first, in the order of the document. An array under the
/// key gives its strings; a number or `null` gives nothing; a key that comes twice counts twice.
///
/// It has to be read from the bytes themselves: a `serde_json::Value` on the way would sort the keys and drop the first
/// of two. How deep it goes is bounded by the reader of JSON (128 levels), how much there is by the body's limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    texts: Vec<String>,
    object: bool,
}

impl Texts {
    /// The texts.
    pub fn as_slice(&self) -> &[String] {
        &self.texts
    }

    /// Whether the document is an object, as it has to be.
    pub fn is_object(&self) -> bool {
        self.object
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut found = Self::default();
        found.object = Walk { found: &mut found.texts, wanted: false }.deserialize(from)?;
        Ok(found)
    }
}

/// A walk through a value; tells whether it is an object.
struct Walk<'a> {
    found: &'a mut Vec<String>,
    /// Whether it stands under the key.
    wanted: bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        self.found.extend(self.wanted.then(|| text.to_owned()));
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        while list.next_element_seed(Walk { found: self.found, wanted: self.wanted })?.is_some() {}
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            map.next_value_seed(Walk { found: self.found, wanted: key == KEY })?;
        }
        Ok(true)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}
