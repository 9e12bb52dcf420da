//! An engine that only remembers: for tests of what comes before and after an engine, and of engines that take their time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Kept, Password, Provided, Step, Wanted, unavailable};
use crate::config::Ports;
use crate::error::Error;
use crate::instances::record::Place;

/// The host of its instances.
const HOST: &str = "fake";

/// An engine in memory.
pub struct Fake {
    ports: Ports,
    made: Mutex<BTreeMap<String, Made>>,
    /// Ports on which something else listens.
    foreign: Mutex<Vec<u16>>,
    down: AtomicBool,
    looks: u32,
    pause: Duration,
}

/// What it knows of an instance.
#[derive(Clone, Debug)]
pub struct Made {
    /// Whose it is.
    pub owner: String,
    /// For which store.
    pub site: String,
    /// Its port.
    pub port: u16,
    /// What lets in.
    pub password: String,
    /// How often it was looked at until now.
    looks: u32,
}

impl Fake {
    /// One whose instances are ready after they were looked at so often, with such a pause in between.
    pub fn slow(looks: u32, pause: Duration, ports: RangeInclusive<u16>) -> Self {
        Self {
            ports: Ports { first: *ports.start(), last: *ports.end() },
            made: Mutex::default(),
            foreign: Mutex::default(),
            down: AtomicBool::new(false),
            looks,
            pause,
        }
    }

    /// Whether it answers from now on.
    pub fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::Relaxed);
    }

    /// Something else listens on these ports from now on.
    pub fn set_foreign(&self, ports: &[u16]) {
        *locked(&self.foreign) = ports.to_vec();
    }

    /// Everything that it has made and not removed.
    pub fn made(&self) -> BTreeMap<String, Made> {
        locked(&self.made).clone()
    }

    pub(super) fn ping(&self) -> Result<(), Error> {
        if self.down.load(Ordering::Relaxed) { Err(unavailable()) } else { Ok(()) }
    }

    pub(super) fn ports(&self) -> (&str, Ports) {
        (HOST, self.ports)
    }

    pub(super) async fn provide(&self, wanted: &Wanted<'_>) -> Result<Provided, Error> {
        self.ping()?;
        let port = wanted.port.ok_or_else(|| Error::internal("make an instance", "it has no port"))?;
        let mut made = locked(&self.made);
        let taken = made.iter().any(|(id, other)| id != wanted.id && other.port == port);
        if taken || locked(&self.foreign).contains(&port) {
            made.remove(wanted.id);
            return Ok(Provided::PortTaken);
        }
        let one = made.entry(wanted.id.to_owned()).or_insert_with(|| Made {
            owner: wanted.owner.to_owned(),
            site: wanted.site.to_owned(),
            port,
            password: wanted.password.0.to_owned(),
            looks: 0,
        });
        one.port = port;
        one.looks += 1;
        if one.looks <= self.looks {
            return Ok(Provided::Pending(self.pause));
        }
        Ok(Provided::Ready(Place { host: HOST.to_owned(), port, tls: false }))
    }

    pub(super) async fn remove(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        self.ping()?;
        locked(&self.made).remove(wanted.id);
        Ok(Step::Done)
    }

    pub(super) async fn restart(&self, wanted: &Wanted<'_>) -> Result<Step, Error> {
        self.ping()?;
        if let Some(one) = locked(&self.made).get_mut(wanted.id) {
            one.looks = 0;
        }
        Ok(Step::Done)
    }

    pub(super) async fn set_password(&self, wanted: &Wanted<'_>, next: Password<'_>) -> Result<Step, Error> {
        self.ping()?;
        if let Some(one) = locked(&self.made).get_mut(wanted.id) {
            one.password = next.0.to_owned();
        }
        Ok(Step::Done)
    }

    pub(super) fn kept(&self, site: &str) -> Vec<Kept> {
        let made = locked(&self.made);
        let own = made.iter().filter(|(_, one)| one.site == site);
        own.map(|(id, one)| Kept { owner: one.owner.clone(), id: id.clone() }).collect()
    }

    pub(super) fn drop_kept(&self, kept: &Kept) {
        locked(&self.made).remove(&kept.id);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
