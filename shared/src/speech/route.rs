//! What a route wants: the record that changes.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::storage::speech_key::RouteLine;
use crate::storage::{Bucket, Creation, Key, Put, SpeechKey, Versioned};
use crate::{clock, random_name, sha256};

/// The longest name of a route, in characters.
pub const ROUTE_ID_LIMIT: usize = 256;

/// The record.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Route {
    /// As its client calls it.
    pub(super) route_id: String,
    pub(super) render: String,
    /// The nonce of its want.
    pub(super) want: String,
    /// Milliseconds since 1970.
    pub(super) changed: u64,
}

/// By which a route's record is found, whatever its name.
pub(super) fn id_of(route_id: &str) -> String {
    sha256(route_id.as_bytes())
}

pub(super) async fn read(bucket: &Bucket, id: &str) -> Result<Option<Versioned<Route>>, Error> {
    Ok(bucket.read(&Key::Speech(SpeechKey::Route(id))).await?)
}

impl Route {
    pub(super) fn new(route_id: &str, render: &str) -> Self {
        Self { route_id: route_id.to_owned(), render: render.to_owned(), want: random_name(), changed: clock::now() }
    }

    /// Makes its want and its line, which must be there before its record.
    pub(super) async fn announce(&self, bucket: &Bucket, id: &str) -> Result<(), Error> {
        for key in self.companions(id) {
            bucket.put(&Key::Speech(key), Bytes::new(), Put::default()).await?;
        }
        Ok(())
    }

    /// Deletes them, when the record says something else.
    pub(super) async fn withdraw(&self, bucket: &Bucket, id: &str) -> Result<(), Error> {
        Ok(bucket.delete_all(&self.companions(id).map(|key| key.to_string())).await?)
    }

    /// Writes the record over `found`; `false` if another was quicker.
    pub(super) async fn write(
        &self,
        bucket: &Bucket,
        id: &str,
        found: Option<&Versioned<Self>>,
    ) -> Result<bool, Error> {
        let key = Key::Speech(SpeechKey::Route(id));
        Ok(match found {
            None => bucket.create(&key, self).await? == Creation::Made,
            Some(found) => bucket.replace(&key, found, self).await?,
        })
    }

    fn companions<'a>(&'a self, id: &'a str) -> [SpeechKey<'a>; 2] {
        let line = RouteLine { changed: self.changed, route: id, nonce: &self.want };
        [SpeechKey::Want { render: &self.render, route: id, nonce: &self.want }, SpeechKey::Line(line)]
    }
}
