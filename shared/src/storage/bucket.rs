//! One bucket: get, put, head, delete, copy.

use std::collections::HashMap;
use std::ops::Range;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::SharedCredentialsProvider;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::{ByteStream, DateTime, SdkBody};
use aws_sdk_s3::types::{ChecksumAlgorithm, Delete, ObjectIdentifier};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_types::SdkConfig;
use bytes::Bytes;
use futures_util::TryStreamExt;
use http_body::{Frame, SizeHint};
use http_body_util::{BodyDataStream, BodyExt};

use super::connect::patient;
use super::direct::Direct;
use super::fault::{Fault, StoreError};
use super::key::Key;
use super::listing::{Listed, Pages};
use crate::error::BoxError;
use crate::http::{Body, body};

/// How long a body may stand still that is read here.
const IDLE_LIMIT: Duration = Duration::from_secs(60);

/// What is wrong with a body that ended early.
const SHORT: &str = "the store's answer is not of the length that it announced";

/// The most keys that one DeleteObjects takes (S3 API reference).
const DELETE_BATCH: usize = 1000;

/// A bucket of the store. Cheap to clone.
#[derive(Clone)]
pub struct Bucket {
    pub(super) client: Client,
    pub(super) name: Arc<str>,
    /// Whether bodies go unsigned, with a CRC-32.
    pub(super) unsigned: bool,
    /// The short way to its objects, where there is one.
    direct: Option<Arc<Direct>>,
    /// Who signs, for what the SDK does not sign.
    pub(super) credentials: Option<SharedCredentialsProvider>,
}

/// What to read of an object.
#[derive(Clone, Debug, Default)]
pub struct Fetch<'a> {
    /// Only these bytes; not empty.
    pub range: Option<Range<u64>>,
    /// Only if it still has this ETag: [`Fault::Precondition`] otherwise.
    pub if_match: Option<&'a str>,
}

/// An object on its way.
pub struct Fetched {
    /// The bytes, as the store sends them.
    pub body: Body,
    /// How many bytes the store announced.
    pub length: u64,
    /// The entity tag, with its quotes.
    pub etag: String,
    /// Last modification.
    pub modified: SystemTime,
    /// `Content-Type`
    pub content_type: Option<String>,
}

/// What is known of an object without reading it.
#[derive(Clone, Debug)]
pub struct Head {
    /// Bytes.
    pub size: u64,
    /// The entity tag, with its quotes.
    pub etag: String,
    /// Last modification.
    pub modified: SystemTime,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// User metadata.
    pub metadata: HashMap<String, String>,
}

/// What to write besides the bytes.
#[derive(Clone, Debug, Default)]
pub struct Put<'a> {
    /// `Content-Type`
    pub content_type: Option<&'a str>,
    /// `Cache-Control`
    pub cache_control: Option<&'a str>,
    /// User metadata: names in lower case, values in ASCII.
    pub metadata: &'a [(&'a str, &'a str)],
    /// Only if there is none yet: [`Fault::Precondition`] otherwise.
    pub if_absent: bool,
    /// Only if it still has this ETag: [`Fault::Precondition`] or [`Fault::Missing`] otherwise.
    pub if_match: Option<&'a str>,
}

impl Bucket {
    pub(super) fn new(client: Client, name: &str, unsigned: bool, shared: &SdkConfig, direct: Option<Direct>) -> Self {
        let credentials = shared.credentials_provider();
        Self { client, name: name.into(), unsigned, direct: direct.map(Arc::new), credentials }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts to read an object.
    pub async fn get(&self, key: &Key<'_>, fetch: Fetch<'_>) -> Result<Fetched, StoreError> {
        let key = key.to_string();
        if let Some(direct) = &self.direct
            && let Some(fetched) = direct.get(&self.name, &key, &fetch).await
        {
            return Ok(fetched);
        }
        let range = fetch.range.as_ref().map(range_header);
        let request = self.client.get_object().bucket(&*self.name).key(&key).set_range(range);
        let sent = request.set_if_match(fetch.if_match.map(str::to_owned)).send().await;
        let object = sent.map_err(|cause| self.error("GetObject", &key, cause))?;
        Ok(Fetched {
            length: object.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
            etag: object.e_tag.unwrap_or_default(),
            modified: system_time(object.last_modified.as_ref()),
            content_type: object.content_type,
            body: Body::new(object.body.into_inner()),
        })
    }

    /// Reads an object, or a range of it, into memory; the caller knows it to be small.
    pub async fn get_bytes(&self, key: &Key<'_>, fetch: Fetch<'_>) -> Result<Bytes, StoreError> {
        let fetched = self.get(key, fetch).await?;
        let broken =
            |cause| StoreError::new(Fault::Unavailable, "GetObject", &self.name, &key.to_string()).caused_by(cause);
        fetched.bytes().await.map_err(|cause: BoxError| broken(cause))
    }

    /// What is known of an object; `None` if there is none.
    pub async fn head(&self, key: &Key<'_>) -> Result<Option<Head>, StoreError> {
        let key = key.to_string();
        let request = self.client.head_object().bucket(&*self.name).key(&key);
        match request.send().await.map_err(|cause| self.error("HeadObject", &key, cause)) {
            Ok(object) => Ok(Some(Head {
                size: object.content_length().and_then(|length| u64::try_from(length).ok()).unwrap_or(0),
                modified: system_time(object.last_modified()),
                etag: object.e_tag.unwrap_or_default(),
                content_type: object.content_type,
                metadata: object.metadata.unwrap_or_default(),
            })),
            Err(error) if error.fault == Fault::Missing => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes an object from memory and returns its ETag.
    pub async fn put(&self, key: &Key<'_>, bytes: Bytes, put: Put<'_>) -> Result<String, StoreError> {
        self.send_put(key, ByteStream::from(bytes), None, put).await
    }

    /// Writes an object of exactly `length` bytes as they come and returns its ETag. A body cannot be
    /// sent twice, so nothing is retried; a body that fails leaves no object.
    pub async fn put_stream(&self, key: &Key<'_>, body: Body, length: u64, put: Put<'_>) -> Result<String, StoreError> {
        let stream = ByteStream::new(SdkBody::from_body_1_x(Streamed { inner: Mutex::new(body), length }));
        self.send_put(key, stream, Some(length), put).await
    }

    /// Deletes an object; none there is as good.
    pub async fn delete(&self, key: &Key<'_>) -> Result<(), StoreError> {
        let key = key.to_string();
        let sent = self.client.delete_object().bucket(&*self.name).key(&key).send().await;
        sent.map(drop).map_err(|cause| self.error("DeleteObject", &key, cause))
    }

    /// Deletes objects, a thousand with each request; those that are not there are as good. Stops at the first
    /// request that fails, or that leaves an object behind.
    pub async fn delete_all(&self, keys: &[String]) -> Result<(), StoreError> {
        for batch in keys.chunks(DELETE_BATCH) {
            let objects = batch.iter().filter_map(|key| ObjectIdentifier::builder().key(key).build().ok()).collect();
            let Ok(delete) = Delete::builder().set_objects(Some(objects)).quiet(true).build() else { continue };
            let sent = self.client.delete_objects().bucket(&*self.name).delete(delete).send().await;
            let deleted = sent.map_err(|cause| self.error("DeleteObjects", &batch[0], cause))?;
            if let Some(left) = deleted.errors().first() {
                let error = StoreError::new(Fault::Other, "DeleteObjects", &self.name, left.key().unwrap_or_default());
                return Err(error.caused_by(left.message().unwrap_or("no reason given").to_owned()));
            }
        }
        Ok(())
    }

    /// Deletes the objects whose keys start with `prefix`, of which `chosen` is true.
    pub async fn delete_listed(&self, prefix: &Key<'_>, chosen: impl Fn(&Listed) -> bool) -> Result<(), StoreError> {
        let mut pages = self.list(prefix);
        while let Some(page) = pages.next().await? {
            let keys: Vec<String> = page.into_iter().filter(&chosen).map(|object| object.key).collect();
            self.delete_all(&keys).await?;
        }
        Ok(())
    }

    /// Copies an object inside the bucket, of at most 5 GiB (the limit of S3's CopyObject).
    pub async fn copy(&self, from: &Key<'_>, to: &Key<'_>) -> Result<(), StoreError> {
        let (from, to) = (self.source(from), to.to_string());
        let sent = self.client.copy_object().bucket(&*self.name).copy_source(from).key(&to).send().await;
        sent.map(drop).map_err(|cause| self.error("CopyObject", &to, cause))
    }

    /// The objects whose keys start with `prefix`, in the order of their bytes.
    pub fn list(&self, prefix: &Key<'_>) -> Pages {
        Pages::new(self.clone(), prefix.to_string(), None)
    }

    /// The same, from the first key that comes after `key`.
    pub fn list_after(&self, prefix: &Key<'_>, key: &Key<'_>) -> Pages {
        Pages::new(self.clone(), prefix.to_string(), Some(key.to_string()))
    }

    pub(super) async fn ensure(&self) -> Result<(), StoreError> {
        match self.ping().await {
            Err(error) if error.fault == Fault::Missing => {}
            reached => return reached,
        }
        let sent = self.client.create_bucket().bucket(&*self.name).send().await;
        match sent.map_err(|cause| self.error("CreateBucket", "", cause)) {
            // Another process was quicker.
            Err(error) if error.fault == Fault::Conflict => Ok(()),
            made => made.map(drop),
        }
    }

    pub(super) async fn ping(&self) -> Result<(), StoreError> {
        let sent = self.client.head_bucket().bucket(&*self.name).send().await;
        sent.map(drop).map_err(|cause| self.error("HeadBucket", "", cause))
    }

    pub(super) fn error<E>(&self, operation: &'static str, key: &str, cause: SdkError<E, HttpResponse>) -> StoreError
    where
        E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
    {
        StoreError::of(operation, &self.name, key, cause)
    }

    /// A copy's source: bucket and key, each segment percent-encoded.
    pub(super) fn source(&self, key: &Key<'_>) -> String {
        format!("{}/{}", self.name, encoded(&key.to_string()))
    }

    async fn send_put(
        &self,
        key: &Key<'_>,
        body: ByteStream,
        length: Option<u64>,
        put: Put<'_>,
    ) -> Result<String, StoreError> {
        let key = key.to_string();
        let request = self
            .client
            .put_object()
            .bucket(&*self.name)
            .key(&key)
            .body(body)
            .checksum_algorithm(ChecksumAlgorithm::Crc32)
            .set_content_length(length.and_then(|length| i64::try_from(length).ok()))
            .set_content_type(put.content_type.map(str::to_owned))
            .set_cache_control(put.cache_control.map(str::to_owned))
            .set_metadata(metadata(put.metadata))
            .set_if_none_match(put.if_absent.then(|| "*".to_owned()))
            .set_if_match(put.if_match.map(str::to_owned))
            .customize();
        // A stream comes as slowly as its sender.
        let request = if length.is_some() { request.config_override(patient()) } else { request };
        // The SDK would hash a stream chunk by chunk. Its CRC-32 follows in a trailer all the same.
        let request = if self.unsigned { request.disable_payload_signing() } else { request };
        let sent = request.send().await.map_err(|cause| self.error("PutObject", &key, cause))?;
        Ok(sent.e_tag.unwrap_or_default())
    }
}

fn metadata(pairs: &[(&str, &str)]) -> Option<HashMap<String, String>> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Some(pairs.collect()).filter(|pairs: &HashMap<_, _>| !pairs.is_empty())
}

/// A key in a URL: each segment percent-encoded.
pub(super) fn encoded(key: &str) -> impl std::fmt::Display + '_ {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
    utf8_percent_encode(key, ENCODED)
}

/// A range as a header has it: its last byte is part of it.
pub(super) fn range_header(range: &Range<u64>) -> String {
    format!("bytes={}-{}", range.start, range.end - 1)
}

/// When an object was last written, as a listing or a head tells.
pub(super) fn system_time(time: Option<&DateTime>) -> SystemTime {
    time.and_then(|time| SystemTime::try_from(*time).ok()).unwrap_or(SystemTime::UNIX_EPOCH)
}

/// A body as the SDK wants it: `Sync`, though nobody ever shares it, and of a known length.
struct Streamed {
    inner: Mutex<Body>,
    length: u64,
}

impl http_body::Body for Streamed {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let body = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        Pin::new(body).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length)
    }
}

impl Fetched {
    /// Hands the body over frame by frame, and lets others have their turn between two of them. An error if it stands
    /// still, or is not of the announced length.
    pub async fn read(self, mut each: impl FnMut(&[u8])) -> Result<(), BoxError> {
        let (mut frames, mut read) = (BodyDataStream::new(body::impatient(self.body, IDLE_LIMIT)), 0);
        while let Some(frame) = frames.try_next().await? {
            each(&frame);
            read += frame.len() as u64;
        }
        if read == self.length { Ok(()) } else { Err(SHORT.into()) }
    }

    /// The whole body in memory; the caller knows it to be small. An error if it is not of the
    /// announced length.
    pub async fn bytes(self) -> Result<Bytes, BoxError> {
        let length = self.length;
        let bytes = self.body.collect().await?.to_bytes();
        if bytes.len() as u64 == length { Ok(bytes) } else { Err(SHORT.into()) }
    }
}
