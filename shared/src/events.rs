//! Workers under the Lambda door.

use std::future::Future;
use std::pin::Pin;

use crate::app::App;
use crate::error::Error;

/// A function that runs on events.
pub struct Worker {
    /// The name of its function binary.
    pub name: &'static str,
    /// What it does with one event.
    pub handler: for<'a> fn(&'a App, &'a ObjectEvent) -> Handling<'a>,
}

/// What handling an event comes to.
pub type Handling<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + Send + 'a>>;

/// An object came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectEvent {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its bytes.
    pub size: u64,
    /// Its ETag.
    pub etag: String,
    /// What happened.
    pub kind: Change,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was written.
    Created,
    /// It was deleted.
    Deleted,
}
