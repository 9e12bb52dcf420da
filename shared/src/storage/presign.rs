//! URLs with which somebody else may read or write one object.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;

use super::bucket::Bucket;
use super::fault::{Fault, StoreError};
use super::key::Key;
use crate::error::BoxError;

/// How a reader of an object is to see it.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// `Content-Type`
    pub content_type: &'a str,
    /// `Content-Disposition`
    pub disposition: &'a str,
}

impl Bucket {
    /// A URL that gives an object to anyone within `lifetime` (at most seven days), as often as it is asked for. `endpoint` is
    /// where the store is for those who are to use it; `None` is where it is for us.
    pub async fn presign_get(
        &self,
        key: &Key<'_>,
        lifetime: Duration,
        endpoint: Option<&str>,
        shown: Shown<'_>,
    ) -> Result<String, StoreError> {
        let key = key.to_string();
        let failed = |cause: BoxError| StoreError::new(Fault::Other, "presign", &self.name, &key).caused_by(cause);
        let config = PresigningConfig::expires_in(lifetime).map_err(|cause| failed(cause.into()))?;
        let mut request = self
            .client
            .get_object()
            .bucket(&*self.name)
            .key(&key)
            .response_content_type(shown.content_type)
            .response_content_disposition(shown.disposition)
            .customize();
        if let Some(endpoint) = endpoint {
            request = request.config_override(aws_sdk_s3::Config::builder().endpoint_url(endpoint));
        }
        let signed = request.presigned(config).await.map_err(|cause| failed(cause.into()))?;
        Ok(signed.uri().to_owned())
    }

    /// A URL that takes one PUT of exactly `length` bytes for `key` within `lifetime` (at most seven days).
    /// `endpoint` is where the store is for those who are to use it; `None` is where it is for us.
    pub async fn presign_put(
        &self,
        key: &Key<'_>,
        length: u64,
        lifetime: Duration,
        endpoint: Option<&str>,
    ) -> Result<String, StoreError> {
        let key = key.to_string();
        let failed = |cause: BoxError| StoreError::new(Fault::Other, "presign", &self.name, &key).caused_by(cause);
        let config = PresigningConfig::expires_in(lifetime).map_err(|cause| failed(cause.into()))?;
        let length = i64::try_from(length).map_err(|cause| failed(cause.into()))?;
        let mut request = self.client.put_object().bucket(&*self.name).key(&key).content_length(length).customize();
        if let Some(endpoint) = endpoint {
            request = request.config_override(aws_sdk_s3::Config::builder().endpoint_url(endpoint));
        }
        let signed = request.presigned(config).await.map_err(|cause| failed(cause.into()))?;
        Ok(signed.uri().to_owned())
    }
}
