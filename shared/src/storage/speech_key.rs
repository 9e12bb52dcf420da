//! The keys of speech.
//!
//! | key | object |
//! |---|---|
//! | `audio/{name}.mp3` | a track, under the name that its link has |
//! | `speech/routes/{sha256 of the route id}` | which render a route wants: a record that changes |
//! | `speech/renders/{sha256}` | what became of a text in a voice: the other record that changes |
//! | `speech/wants/{render}/{route}.{nonce}` | empty: a route wants this render |
//! | `speech/queue/{milliseconds}.{render}.{nonce}` | empty: a ticket, work that is still to be done, the oldest first |
//! | `speech/lines/{10^13 - 1 - milliseconds}/{route}/{nonce}` | empty: a line of the list of routes, newest first |
//!
//! `name` is 128 random bits.

use std::fmt;

use super::image_key::LAST;

/// An object of speech, or a prefix of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpeechKey<'a> {
    /// Prefix: every track.
    Tracks,
    /// A track, by its name.
    Track(&'a str),
    /// What a route wants: by the SHA-256 of its id, in hex.
    Route(&'a str),
    /// What became of a text in a voice: by the SHA-256 of both, in hex.
    Render(&'a str),
    /// Prefix: every route that wants a render.
    Wants(&'a str),
    /// One of them.
    Want {
        /// The render.
        render: &'a str,
        /// The SHA-256 of the route's id, in hex.
        route: &'a str,
        /// Only this route, at this time, has it.
        nonce: &'a str,
    },
    /// Prefix: everything that is still to be done.
    Queue,
    /// Work that is still to be done.
    Ticket(Ticket<'a>),
    /// Prefix: the list of routes.
    Lines,
    /// A line of the list of routes.
    Line(RouteLine<'a>),
}

/// Work that is still to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket<'a> {
    /// When it was asked for: milliseconds since 1970.
    pub asked: u64,
    /// The render.
    pub render: &'a str,
    /// Tells this work on the render from another.
    pub nonce: &'a str,
}

/// A line of the list of routes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteLine<'a> {
    /// When the route was changed: milliseconds since 1970.
    pub changed: u64,
    /// The SHA-256 of its id, in hex.
    pub route: &'a str,
    /// That of its want.
    pub nonce: &'a str,
}

impl fmt::Display for SpeechKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tracks => f.write_str("audio/"),
            Self::Track(name) => write!(f, "audio/{name}.mp3"),
            Self::Route(route) => write!(f, "speech/routes/{route}"),
            Self::Render(render) => write!(f, "speech/renders/{render}"),
            Self::Wants(render) => write!(f, "speech/wants/{render}/"),
            Self::Want { render, route, nonce } => write!(f, "speech/wants/{render}/{route}.{nonce}"),
            Self::Queue => f.write_str("speech/queue/"),
            Self::Ticket(Ticket { asked, render, nonce }) => {
                write!(f, "speech/queue/{asked:013}.{render}.{nonce}")
            }
            Self::Lines => f.write_str("speech/lines/"),
            Self::Line(RouteLine { changed, route, nonce }) => {
                write!(f, "speech/lines/{:013}/{route}/{nonce}", LAST.saturating_sub(*changed))
            }
        }
    }
}

/// Reads a [`SpeechKey::Ticket`] back; `None` for anything else.
pub fn parse_ticket(key: &str) -> Option<Ticket<'_>> {
    let mut parts = key.strip_prefix("speech/queue/")?.split('.');
    let ticket = Ticket { asked: parts.next()?.parse().ok()?, render: parts.next()?, nonce: parts.next()? };
    (parts.next().is_none() && SpeechKey::Ticket(ticket).to_string() == key).then_some(ticket)
}

/// Reads a [`SpeechKey::Want`] back: its route and its nonce; `None` for anything else.
pub fn parse_want(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix("speech/wants/")?.split_once('/')?.1.split_once('.')
}

/// Reads a [`SpeechKey::Line`] back; `None` for anything else.
pub fn parse_route_line(key: &str) -> Option<RouteLine<'_>> {
    let mut parts = key.strip_prefix("speech/lines/")?.split('/');
    let changed = LAST.checked_sub(parts.next()?.parse().ok()?)?;
    let line = RouteLine { changed, route: parts.next()?, nonce: parts.next()? };
    (parts.next().is_none() && SpeechKey::Line(line).to_string() == key).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::{RouteLine, SpeechKey, Ticket, parse_route_line, parse_ticket};

    #[test]
    fn a_ticket_reads_back_and_the_oldest_comes_first() {
        let older = Ticket { asked: 1_763_000_000_000, render: "ab12", nonce: "n-_1" };
        let newer = Ticket { asked: older.asked + 1, render: "0000", ..older };
        let keys = [older, newer].map(|ticket| SpeechKey::Ticket(ticket).to_string());
        assert_eq!(parse_ticket(&keys[0]), Some(older));
        assert!(keys[0] < keys[1]);
        for other in ["speech/queue/", "speech/queue/1.a.b", "speech/queue/0000000000001.a", "speech/routes/1.a.b"] {
            assert_eq!(parse_ticket(other), None, "{other}");
        }
    }

    #[test]
    fn a_line_reads_back_and_the_newest_comes_first() {
        let older = RouteLine { changed: 1_763_000_000_000, route: "ab12", nonce: "n" };
        let newer = RouteLine { changed: older.changed + 1, ..older };
        let keys = [older, newer].map(|line| SpeechKey::Line(line).to_string());
        assert_eq!(parse_route_line(&keys[0]), Some(older));
        assert!(keys[1] < keys[0]);
        assert_eq!(parse_route_line("speech/lines/0000000000001/a"), None);
    }
}
