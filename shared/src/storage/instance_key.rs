//! The keys of database instances.
//!
//! | key | object |
//! |---|---|
//! | `instances/{owner}/{id}` | an instance: a record that changes, the root of all that belongs to it |
//! | `quota/{owner}/{n}` | which instance has the owner's n-th slot |
//! | `ports/{host}/{port}` | which instance has a port of a host, or that something else listens there |
//! | `instance-site` | tells what an engine made for this store from what it made for another |
//!
//! `owner` is a user's name, `id` 12 hex digits.

use std::fmt;

/// An object of the instances, or a prefix of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceKey<'a> {
    /// Prefix: every instance.
    All,
    /// Prefix: every instance of a user.
    Of(&'a str),
    /// An instance.
    One {
        /// Whose.
        owner: &'a str,
        /// Which.
        id: &'a str,
    },
    /// Prefix: the slots of everybody.
    AllSlots,
    /// Prefix: the slots of a user.
    Slots(&'a str),
    /// One of them.
    Slot {
        /// Whose.
        owner: &'a str,
        /// From 0.
        number: u32,
    },
    /// Prefix: the ports of every host.
    AllPorts,
    /// Prefix: the ports of a host.
    Ports(&'a str),
    /// One of them.
    Port {
        /// The host, as users are told it.
        host: &'a str,
        /// The port.
        port: u16,
    },
    /// What tells this store from others.
    Site,
}

impl fmt::Display for InstanceKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("instances/"),
            Self::Of(owner) => write!(f, "instances/{owner}/"),
            Self::One { owner, id } => write!(f, "instances/{owner}/{id}"),
            Self::AllSlots => f.write_str("quota/"),
            Self::Slots(owner) => write!(f, "quota/{owner}/"),
            Self::Slot { owner, number } => write!(f, "quota/{owner}/{number}"),
            Self::AllPorts => f.write_str("ports/"),
            Self::Ports(host) => write!(f, "ports/{host}/"),
            Self::Port { host, port } => write!(f, "ports/{host}/{port}"),
            Self::Site => f.write_str("instance-site"),
        }
    }
}

/// Reads an [`InstanceKey::One`] back: owner and id; `None` for anything else.
pub fn parse_instance(key: &str) -> Option<(&str, &str)> {
    let (owner, id) = key.strip_prefix("instances/")?.split_once('/')?;
    (!owner.is_empty() && !id.is_empty() && !id.contains('/')).then_some((owner, id))
}

/// Reads an [`InstanceKey::Slot`] back: owner and number; `None` for anything else.
pub fn parse_slot(key: &str) -> Option<(&str, u32)> {
    let (owner, number) = key.strip_prefix("quota/")?.split_once('/')?;
    Some((owner, number.parse().ok()?))
}

/// Reads an [`InstanceKey::Port`] back: host and port; `None` for anything else.
pub fn parse_port(key: &str) -> Option<(&str, u16)> {
    let (host, port) = key.strip_prefix("ports/")?.split_once('/')?;
    Some((host, port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::{InstanceKey, parse_instance, parse_port, parse_slot};

    #[test]
    fn keys_read_back() {
        assert_eq!(
            parse_instance(&InstanceKey::One { owner: "a.b", id: "0123456789ab" }.to_string()),
            Some(("a.b", "0123456789ab"))
        );
        assert_eq!(parse_slot(&InstanceKey::Slot { owner: "a", number: 12 }.to_string()), Some(("a", 12)));
        assert_eq!(parse_port(&InstanceKey::Port { host: "::1", port: 2001 }.to_string()), Some(("::1", 2001)));
        for other in ["instances/", "instances/a/", "instances/a/b/c", "quota/a/b", "ports/h/70000", "x/a/1"] {
            assert!(
                parse_instance(other).is_none() && parse_slot(other).is_none() && parse_port(other).is_none(),
                "{other}"
            );
        }
    }
}
