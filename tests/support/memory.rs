//! An archive whose contents are in memory: the sender alone, with no store behind it.

use std::future::Future;
use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::stream;
use shared::archive::plan::{Entry, Plan};
use shared::archive::send::Contents;
use shared::error::BoxError;
use shared::http::body;
use shared::storage::{Fetched, Listed};

/// Frames of a content, as a store would cut them.
const FRAME: u64 = 128 * 1024;

/// What an object holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// These bytes.
    Bytes(Bytes),
    /// That many zeros, never held in memory.
    Zeros(u64),
}

impl Content {
    /// Its bytes in number.
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(size) => *size,
        }
    }

    /// Its CRC-32.
    pub fn crc32(&self) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        self.frames(0..self.size()).for_each(|frame| hasher.update(&frame));
        hasher.finalize()
    }

    fn frames(&self, range: Range<u64>) -> impl Iterator<Item = Bytes> + Send + 'static {
        let own = self.clone();
        let zeros = Bytes::from_static(&[0; 128 * 1024]);
        (range.start..range.end).step_by(usize::try_from(FRAME).unwrap_or(usize::MAX)).map(move |start| {
            let end = (start + FRAME).min(range.end);
            let (from, to) = (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0));
            match &own {
                Self::Bytes(bytes) => bytes.slice(from..to),
                Self::Zeros(_) => zeros.slice(..to - from),
            }
        })
    }
}

/// Objects of one folder, by their names in it.
#[derive(Clone)]
pub struct Memory {
    objects: Arc<Vec<(String, Content)>>,
    learned: Arc<Mutex<Vec<(String, u32)>>>,
}

impl Memory {
    /// A folder of these objects, sorted as a bucket would list them.
    pub fn new(mut objects: Vec<(String, Content)>) -> Self {
        objects.sort_by(|one, other| one.0.as_bytes().cmp(other.0.as_bytes()));
        Self { objects: Arc::new(objects), learned: Arc::default() }
    }

    /// The plan of its archive; `known` says whether the CRC-32s are recorded already.
    pub fn plan(&self, known: bool) -> Plan {
        let entries = self.objects.iter().enumerate().map(|(index, (name, content))| {
            let mut entry = Entry::new(Listed {
                key: format!("f/{name}"),
                size: content.size(),
                etag: format!("\"{index:x}\""),
                modified: SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + index as u64 % 100_000_000),
                has_crc32: false,
            });
            entry.crc32 = known.then(|| content.crc32());
            entry
        });
        Plan::new("f", 2, entries.collect())
    }

    /// What the sender recorded: keys and CRC-32s.
    pub fn learned(&self) -> Vec<(String, u32)> {
        self.learned.lock().expect("nobody panics here").clone()
    }

    fn object(&self, entry: &Entry) -> Content {
        let index = usize::from_str_radix(entry.etag.trim_matches('"'), 16).expect("an ETag of ours");
        self.objects[index].1.clone()
    }
}

impl Contents for Memory {
    fn fetch(
        &self,
        entry: &Entry,
        range: Option<Range<u64>>,
    ) -> impl Future<Output = Result<Fetched, BoxError>> + Send + 'static {
        let content = self.object(entry);
        let etag = entry.etag.to_string();
        async move {
            let range = range.unwrap_or(0..content.size());
            let length = range.end - range.start;
            let frames = content.frames(range).map(Ok);
            let body = body::stream(stream::iter(frames));
            Ok(Fetched { body, length, etag, modified: SystemTime::UNIX_EPOCH, content_type: None })
        }
    }

    fn learned(&self, entry: &Entry, crc32: u32) -> impl Future<Output = Result<(), BoxError>> + Send + 'static {
        self.learned.lock().expect("nobody panics here").push((entry.key.to_string(), crc32));
        async { Ok(()) }
    }

    async fn unchanged(&self, _: Arc<Plan>, _: Range<usize>) -> Result<(), BoxError> {
        Ok(())
    }
}
