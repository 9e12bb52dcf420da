//! The uploaded object, read in windows: in one version only, however long it takes.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, IntoAsyncRead};
use futures_util::{StreamExt, TryStreamExt};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::super::checksums::IDLE_LIMIT;
use crate::error::{BoxError, Error, Kind};
use crate::storage::{Bucket, Fault, Fetch, Key};
use crate::uploads::Finished;

/// Bytes asked for in one request of [`Source::stream`]: large enough that latency does not count.
const WINDOW: u64 = 8 * 1024 * 1024;

/// Windows under way beside the one being read.
const WINDOWS_AHEAD: usize = 2;

/// How often one range is asked for before its connection counts as broken for good.
const ATTEMPTS: u32 = 3;

/// Reads a range from its start to its end. Its errors are [`Error`]s, wrapped.
pub(super) type Reading = IntoAsyncRead<BoxStream<'static, std::io::Result<Bytes>>>;

/// The object in the version that was finished. Cheap enough to clone.
#[derive(Clone)]
pub(super) struct Source {
    bucket: Bucket,
    key: String,
    etag: String,
    /// Its bytes.
    pub(super) size: u64,
    /// When reading is given up: all work waits for what is read, so all of it ends then.
    deadline: Instant,
}

impl Source {
    pub(super) fn new(bucket: &Bucket, finished: &Finished, deadline: Instant) -> Self {
        let Finished { key, etag, size } = finished;
        Self { bucket: bucket.clone(), key: key.clone(), etag: etag.clone(), size: *size, deadline }
    }

    /// A range in memory; the caller bounds it. 409 if the object is no longer what it was.
    pub(super) async fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        if Instant::now() > self.deadline {
            return Err(Error::new(Kind::Timeout, "Unpacking this ZIP archive takes too long."));
        }
        let mut broken = BoxError::from("never asked");
        for _ in 0..ATTEMPTS {
            match tokio::time::timeout(IDLE_LIMIT, self.fetch(range.clone())).await {
                Ok(Ok(Ok(bytes))) => return Ok(bytes),
                Ok(Ok(Err(cause))) => broken = cause,
                Ok(Err(refused)) => return Err(refused),
                Err(stalled) => broken = stalled.into(),
            }
        }
        Err(Error::unavailable("Storage does not answer.").caused_by(broken))
    }

    /// A range of any length, a window at a time and a little ahead of its reader.
    pub(super) fn stream(&self, range: Range<u64>) -> Reading {
        let (source, end) = (self.clone(), range.end);
        let mut at = range.start;
        let windows = std::iter::from_fn(move || {
            let window = at..(at + WINDOW).min(end);
            at = window.end;
            (!window.is_empty()).then_some(window)
        });
        let fetching = stream::iter(windows).map(move |window| {
            let source = source.clone();
            // A task of its own: it goes on while its reader is busy with the window before it.
            let task = AbortOnDropHandle::new(tokio::spawn(async move { source.read(window).await }));
            async move { task.await.map_err(std::io::Error::other)?.map_err(std::io::Error::other) }
        });
        fetching.buffered(WINDOWS_AHEAD).boxed().into_async_read()
    }

    /// Outside what will not be better next time, inside what may be.
    async fn fetch(&self, range: Range<u64>) -> Result<Result<Bytes, BoxError>, Error> {
        let length = range.end - range.start;
        let fetch = Fetch { range: Some(range), if_match: Some(&self.etag) };
        let fetched = match self.bucket.get(&Key::Listed(&self.key), fetch).await {
            Ok(fetched) => fetched,
            Err(cause) if matches!(cause.fault, Fault::Precondition | Fault::Missing | Fault::Range) => {
                let error = Error::new(Kind::Conflict, "The upload has changed or is gone.");
                return Err(error.caused_by(cause));
            }
            Err(cause) => return Err(cause.into()),
        };
        if fetched.length != length {
            return Ok(Err("the store sends another range than it was asked for".into()));
        }
        Ok(fetched.bytes().await)
    }
}
