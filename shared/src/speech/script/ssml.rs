//! The subset of SSML 1.1 that is taken: `<p>`, `<s>`, `<break>`, `<emphasis>`, `<prosody>`, all of it in `<speak>` or not.
//!
//! | element | attributes |
//! |---|---|
//! | `speak`, only around all of it | `version`, `xml:lang`, `xmlns`, `xmlns:xsi`, `xsi:schemaLocation` (none has an effect) |
//! | `p`, `s` | `xml:lang` (without effect) |
//! | `break`, empty | `time`: seconds or milliseconds, at most 10 s; `strength`: `none` to `x-strong` |
//! | `emphasis` | `level` |
//! | `prosody` | `rate`, `pitch`, `volume` |
//!
//! The bounds of the last two are in `style.rs`, that of all pauses together in `pieces.rs`. A fragment is XML 1.0 with
//! no declaration, no document type, no processing instruction, and no entity but the five that need none declared:
//! nothing in it can grow when it is read. An error's cause says where, and never quotes.

use std::time::Duration;

use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;
use quick_xml::{XmlVersion, escape::resolve_predefined_entity};

use super::Piece;
use super::pieces::Pieces;
use super::style::{Style, number};
use crate::error::Error;

/// How deep elements may be nested.
const DEPTH_LIMIT: usize = 32;

/// The longest single pause.
const BREAK_LIMIT: Duration = Duration::from_secs(10);

/// The namespace of SSML.
const NAMESPACE: &str = "http://www.w3.org/2001/10/synthesis";

#[derive(Clone, Copy, PartialEq)]
enum Element {
    Speak,
    Paragraph,
    Sentence,
    Break,
    Emphasis,
    Prosody,
}

/// Why a fragment is refused.
type Reason = &'static str;

/// Where the reading is.
#[derive(Default)]
struct Reading {
    open: Vec<(Element, Style)>,
    pieces: Pieces,
    /// Something was there that may not stand before `<speak>`.
    begun: bool,
    /// `</speak>` was there: nothing may follow.
    over: bool,
}

/// Reads a fragment.
///
/// # Errors
/// `Invalid route_text`.
pub(super) fn read(fragment: &str) -> Result<Vec<Piece>, Error> {
    if !fragment.chars().all(is_xml) {
        return Err(refused("a character that XML 1.0 does not allow", 0));
    }
    let mut reader = Reader::from_str(fragment);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_comments = true;
    let mut reading = Reading::default();
    loop {
        let event = reader.read_event().map_err(|_| refused("not well-formed", reader.error_position()))?;
        if event == Event::Eof {
            break;
        }
        reading.take(&event).map_err(|reason| refused(reason, reader.buffer_position()))?;
    }
    if reading.open.is_empty() {
        Ok(reading.pieces.finish())
    } else {
        Err(refused("an element is not closed", reader.buffer_position()))
    }
}

/// Appends a plain text so that it is read back as it was.
///
/// # Errors
/// `Invalid route_text` for a control character that is no white space, and what else XML 1.0 does not allow.
pub(super) fn escape(text: &str, to: &mut String) -> Result<(), Error> {
    for char in text.chars() {
        match char {
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '&' => to.push_str("&amp;"),
            // Among them some that XML does not allow.
            _ if char.is_whitespace() && char.is_control() => to.push(if char == '\n' { '\n' } else { ' ' }),
            _ if char.is_control() || !is_xml(char) => return Err(refused("a control character", 0)),
            _ => to.push(char),
        }
    }
    Ok(())
}

impl Reading {
    fn take(&mut self, event: &Event<'_>) -> Result<(), Reason> {
        match event {
            Event::Start(tag) => self.open(tag),
            Event::End(_) => self.close(),
            Event::Text(text) => match std::str::from_utf8(text) {
                Ok(text) if !text.contains("]]>") => self.text(text),
                _ => Err("]]> in a text"),
            },
            Event::CData(text) => self.text(std::str::from_utf8(text).map_err(|_| "not UTF-8")?),
            Event::GeneralRef(name) => self.text(resolved(name)?.encode_utf8(&mut [0; 4])),
            Event::Comment(_) | Event::Eof => Ok(()),
            Event::Empty(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Err("a declaration or instruction"),
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), Reason> {
        let element = Element::of(tag)?;
        let (parent, style) = self.open.last().copied().unzip();
        if self.over || parent == Some(Element::Break) || (element == Element::Speak && self.begun) {
            return Err("an element that may not stand there");
        }
        if self.open.len() == DEPTH_LIMIT {
            return Err("nested too deep");
        }
        self.begun = true;
        let attributes = Attributes::of(tag, element)?;
        let style = attributes.style(element, style.unwrap_or_default())?;
        self.open.push((element, style));
        match element {
            Element::Paragraph => self.pieces.paragraph(),
            Element::Sentence => self.pieces.sentence(),
            Element::Break => self.pieces.pause(attributes.pause()?).ok_or("too much silence")?,
            Element::Speak | Element::Emphasis | Element::Prosody => {}
        }
        Ok(())
    }

    fn close(&mut self) -> Result<(), Reason> {
        // The reader has matched it with what was opened.
        match self.open.pop().ok_or("an element that was not opened")?.0 {
            Element::Speak => self.over = true,
            Element::Paragraph => self.pieces.paragraph(),
            Element::Sentence => self.pieces.sentence(),
            Element::Break | Element::Emphasis | Element::Prosody => {}
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Reason> {
        let (parent, style) = self.open.last().copied().unzip();
        if !text.trim().is_empty() {
            if self.over || parent == Some(Element::Break) {
                return Err("a text that may not stand there");
            }
            self.begun = true;
        }
        self.pieces.text(text, style.unwrap_or_default());
        Ok(())
    }
}

impl Element {
    fn of(tag: &BytesStart<'_>) -> Result<Self, Reason> {
        match tag.name().as_ref() {
            b"speak" => Ok(Self::Speak),
            b"p" => Ok(Self::Paragraph),
            b"s" => Ok(Self::Sentence),
            b"break" => Ok(Self::Break),
            b"emphasis" => Ok(Self::Emphasis),
            b"prosody" => Ok(Self::Prosody),
            _ => Err("an element that is not taken"),
        }
    }

    fn allows(self, name: &str, value: &str) -> bool {
        match (self, name) {
            (Self::Speak, "xmlns") => value == NAMESPACE,
            (Self::Speak, "version" | "xmlns:xsi" | "xsi:schemaLocation") => true,
            (Self::Speak | Self::Paragraph | Self::Sentence, "xml:lang") => true,
            (Self::Break, "time" | "strength") => true,
            (Self::Emphasis, "level") => true,
            (Self::Prosody, "rate" | "pitch" | "volume") => true,
            _ => false,
        }
    }
}

/// The attributes of a tag, each one allowed.
struct Attributes(Vec<(String, String)>);

impl Attributes {
    fn of(tag: &BytesStart<'_>, element: Element) -> Result<Self, Reason> {
        if !is_apart(tag.attributes_raw()) {
            return Err("attributes that are not well-formed");
        }
        let mut all = Vec::new();
        for attribute in tag.attributes() {
            let attribute = attribute.map_err(|_| "an attribute that is not well-formed")?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|_| "an unknown entity")?;
            let name = std::str::from_utf8(attribute.key.as_ref()).map_err(|_| "not UTF-8")?;
            if !element.allows(name, &value) || !value.chars().all(is_xml) {
                return Err("an attribute that is not taken");
            }
            all.push((name.to_owned(), value.trim().to_owned()));
        }
        Ok(Self(all))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn style(&self, element: Element, around: Style) -> Result<Style, Reason> {
        let mut style = Some(around);
        if element == Element::Emphasis {
            style = around.emphasised(self.get("level").unwrap_or("moderate"));
        }
        for (change, name) in [
            (Style::with_rate as fn(Style, &str) -> Option<Style>, "rate"),
            (Style::with_pitch, "pitch"),
            (Style::with_volume, "volume"),
        ] {
            if let Some(value) = self.get(name) {
                style = style.and_then(|style| change(style, value));
            }
        }
        style.ok_or("a value of emphasis or prosody that there is not")
    }

    /// Of a `<break>`: `time` goes before `strength` (section 3.2.3).
    fn pause(&self) -> Result<Duration, Reason> {
        let strength = match self.get("strength").unwrap_or("medium") {
            "none" => 0,
            "x-weak" => 100,
            "weak" => 250,
            "medium" => 500,
            "strong" => 750,
            "x-strong" => 1_000,
            _ => return Err("a strength that there is not"),
        };
        let Some(time) = self.get("time") else { return Ok(Duration::from_millis(strength)) };
        duration(time).filter(|time| *time <= BREAK_LIMIT).ok_or("a pause that is no time or too long")
    }
}

/// CSS 2, section 4.3.7: a number and `s` or `ms`.
fn duration(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let seconds = match text.strip_suffix("ms") {
        Some(thousandths) => number(thousandths)? / 1_000.0,
        None => number(text.strip_suffix('s')?)?,
    };
    Duration::try_from_secs_f64(seconds).ok()
}

/// Whether there is white space between attributes and no `<` in them, which the reader does not look at.
fn is_apart(attributes: &[u8]) -> bool {
    let mut quote = None;
    let mut closed = false;
    for &byte in attributes {
        if byte == b'<' || (closed && !byte.is_ascii_whitespace()) {
            return false;
        }
        closed = quote == Some(byte);
        quote = match quote {
            Some(open) if open == byte => None,
            None if matches!(byte, b'"' | b'\'') => Some(byte),
            same => same,
        };
    }
    true
}

fn resolved(name: &BytesRef<'_>) -> Result<char, Reason> {
    let char = match name.resolve_char_ref().map_err(|_| "a reference to no character")? {
        Some(char) => Some(char),
        None => name.decode().ok().as_deref().and_then(resolve_predefined_entity).and_then(|text| text.chars().next()),
    };
    char.filter(|char| is_xml(*char)).ok_or("an entity that is not taken")
}

/// XML 1.0, production 2 (Char).
fn is_xml(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

fn refused(reason: Reason, at: u64) -> Error {
    Error::invalid("Invalid route_text").caused_by(format!("SSML, byte {at}: {reason}"))
}
