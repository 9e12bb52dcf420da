//! Forms with which somebody else may write one object (Amazon S3 API reference, "Browser-based uploads using POST").

use std::time::Duration;

use aws_sdk_s3::config::ProvideCredentials;
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::bucket::{Bucket, encoded};
use super::direct::day;
use super::fault::{Fault, StoreError};
use super::key::Key;
use crate::error::BoxError;

/// What a form takes.
#[derive(Clone, Copy, Debug)]
pub struct Posting<'a> {
    /// `Content-Type`, exactly.
    pub content_type: &'a str,
    /// The most bytes; one is the least.
    pub limit: u64,
    /// How long it may be used.
    pub lifetime: Duration,
}

/// A form: `multipart/form-data` with these fields, and after them the bytes as `file`.
#[derive(Clone, Debug)]
pub struct PostForm {
    /// Where to.
    pub url: String,
    /// The fields, in their order.
    pub fields: Vec<(&'static str, String)>,
}

impl Bucket {
    /// A form that takes one object for `key`. `endpoint` is where the store is for those who are to use it; `None` is
    /// where it is for us.
    pub async fn presign_post(
        &self,
        key: &Key<'_>,
        posting: Posting<'_>,
        endpoint: Option<&str>,
    ) -> Result<PostForm, StoreError> {
        // The SDK knows the store's address; a form goes to the one of the bucket.
        let object = self.presign_put(key, posting.limit, posting.lifetime, endpoint).await?;
        let key = key.to_string();
        let failed = |cause: BoxError| StoreError::new(Fault::Other, "presign", &self.name, &key).caused_by(cause);
        let address = object.split('?').next().and_then(|url| url.strip_suffix(&encoded(&key).to_string()));
        let url = address.ok_or_else(|| failed("the URL of an object does not end in its key".into()))?;
        let fields = self.fields(&key, posting, OffsetDateTime::now_utc()).await.map_err(failed)?;
        Ok(PostForm { url: url.trim_end_matches('/').to_owned(), fields })
    }

    async fn fields(
        &self,
        key: &str,
        posting: Posting<'_>,
        now: OffsetDateTime,
    ) -> Result<Vec<(&'static str, String)>, BoxError> {
        let provider = self.credentials.as_ref().ok_or("there are no credentials")?;
        let credentials = provider.provide_credentials().await?;
        let region = self.client.config().region().ok_or("there is no region")?.to_string();
        let day = day(now)?;
        let date = format!("{day}T{:02}{:02}{:02}Z", now.hour(), now.minute(), now.second());
        let mut fields = vec![
            ("key", key.to_owned()),
            ("Content-Type", posting.content_type.to_owned()),
            ("x-amz-algorithm", "AWS4-HMAC-SHA256".to_owned()),
            ("x-amz-credential", format!("{}/{day}/{region}/s3/aws4_request", credentials.access_key_id())),
            ("x-amz-date", date),
        ];
        if let Some(token) = credentials.session_token() {
            fields.push(("x-amz-security-token", token.to_owned()));
        }
        let mut conditions: Vec<Value> = fields.iter().map(|(name, value)| json!({ *name: value })).collect();
        conditions.push(json!({ "bucket": &*self.name }));
        conditions.push(json!(["content-length-range", 1, posting.limit]));
        let expiration = (now + posting.lifetime).replace_nanosecond(0)?.format(&Rfc3339)?;
        let policy = STANDARD.encode(json!({ "expiration": expiration, "conditions": conditions }).to_string());
        let signing = generate_signing_key(credentials.secret_access_key(), now.into(), &region, "s3");
        let signature = calculate_signature(signing, policy.as_bytes());
        fields.extend([("policy", policy), ("x-amz-signature", signature)]);
        Ok(fields)
    }
}
