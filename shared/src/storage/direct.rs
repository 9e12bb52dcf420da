//! The short way to an object: a GET that is signed here and handed to the SDK's own HTTP client,
//! without the SDK's machinery in between.
//!
//! An archive of small objects is one GET after another, and through the SDK each costs four times the
//! CPU of the exchange itself (figures in `BENCHMARKS.md`). What is left out is what a GET does not
//! need: endpoint rules for each request, checksums, a configuration of layers.
//!
//! It is taken only where the endpoint is given, so that URLs are simple, and only brings the answer that
//! is hoped for. Whatever else comes (no connector yet, a refusal, a broken connection) the caller asks
//! again through the SDK, so that there is one set of retries and errors.

use std::fmt::Write;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use aws_sdk_s3::config::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::sign::v4::{calculate_signature, generate_signing_key};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, IF_MATCH, LAST_MODIFIED, RANGE};
use http::{HeaderValue, Request, Uri};
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use tracing::debug;

use super::bucket::{Fetch, Fetched, encoded};
use super::connect::READ_LIMIT;
use crate::error::BoxError;
use crate::http::Body;

/// Credentials are asked for again this long before they expire.
const RENEWED_BEFORE: Duration = Duration::from_secs(5 * 60);

/// A GET has no payload to be signed.
const PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The SDK's HTTP client, which keeps the one connector that it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Connectors {
    client: SharedHttpClient,
    connector: Arc<OnceLock<SharedHttpConnector>>,
}

impl Connectors {
    /// All requests are made with the same settings: there is one connector.
    pub(super) fn new(client: SharedHttpClient) -> Self {
        Self { client, connector: Arc::default() }
    }
}

impl HttpClient for Connectors {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        self.connector.get_or_init(|| self.client.http_connector(settings, components)).clone()
    }
}

/// The short way to one store.
pub(super) struct Direct {
    connectors: Connectors,
    /// Scheme, host and path that precede `/bucket/key`.
    base: String,
    host: String,
    /// The path of `base`.
    root: String,
    region: String,
    credentials: SharedCredentialsProvider,
    signer: Mutex<Option<Arc<Signer>>>,
}

impl Direct {
    /// `None` where the SDK has to find the endpoint, or has no credentials.
    pub(super) fn new(shared: &SdkConfig, region: &str, connectors: Connectors) -> Option<Self> {
        let base = shared.endpoint_url()?.trim_end_matches('/').to_owned();
        let uri: Uri = base.parse().ok()?;
        Some(Self {
            connectors,
            host: uri.authority()?.as_str().to_owned(),
            root: uri.path().trim_end_matches('/').to_owned(),
            base,
            region: region.to_owned(),
            credentials: shared.credentials_provider()?,
            signer: Mutex::default(),
        })
    }

    /// Starts to read an object; `None` if it is to be asked for through the SDK.
    pub(super) async fn get(&self, bucket: &str, key: &str, fetch: &Fetch<'_>) -> Option<Fetched> {
        let connector = self.connectors.connector.get()?;
        let path = format!("/{bucket}/{}", encoded(key));
        let sent = tokio::time::timeout(READ_LIMIT, self.send(connector, &path, fetch)).await;
        match sent.unwrap_or_else(|elapsed| Err(elapsed.into())) {
            Ok(response) if matches!(response.status().as_u16(), 200 | 206) => Some(fetched(response)),
            Ok(response) => {
                debug!(status = response.status().as_u16(), "asked again through the SDK");
                None
            }
            Err(cause) => {
                debug!(%cause, "asked again through the SDK");
                None
            }
        }
    }

    async fn send(
        &self,
        connector: &SharedHttpConnector,
        path: &str,
        fetch: &Fetch<'_>,
    ) -> Result<HttpResponse, BoxError> {
        let now = OffsetDateTime::now_utc();
        let signer = self.signer(now).await?;
        let (date, authorization) = signer.sign(now, &self.host, &format!("{}{path}", self.root))?;
        let mut request = Request::get(format!("{}{path}", self.base))
            .header(HOST, &self.host)
            .header("x-amz-content-sha256", HeaderValue::from_static(PAYLOAD))
            .header("x-amz-date", date)
            .header(AUTHORIZATION, authorization);
        if let Some(token) = &signer.token {
            request = request.header("x-amz-security-token", token);
        }
        if let Some(range) = &fetch.range {
            request = request.header(RANGE, super::bucket::range_header(range));
        }
        if let Some(etag) = fetch.if_match {
            request = request.header(IF_MATCH, etag);
        }
        let request = HttpRequest::try_from(request.body(SdkBody::empty())?)?;
        Ok(connector.call(request).await?)
    }

    /// The signer of today; a new one with the day, and before credentials expire.
    async fn signer(&self, now: OffsetDateTime) -> Result<Arc<Signer>, BoxError> {
        let current = self.signer.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(signer) = current.filter(|signer| signer.holds(now)) {
            return Ok(signer);
        }
        let credentials = self.credentials.provide_credentials().await?;
        let day = day(now)?;
        let signer = Arc::new(Signer {
            key: generate_signing_key(credentials.secret_access_key(), now.into(), &self.region, "s3")
                .as_ref()
                .to_vec(),
            access_key: credentials.access_key_id().to_owned(),
            token: credentials.session_token().map(str::to_owned),
            scope: format!("{day}/{}/s3/aws4_request", self.region),
            date: now.date(),
            expiry: credentials.expiry(),
        });
        *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = Some(signer.clone());
        Ok(signer)
    }
}

/// Signs requests of one day (Signature Version 4, "Create a signed AWS API request" in the IAM guide).
struct Signer {
    key: Vec<u8>,
    access_key: String,
    token: Option<String>,
    scope: String,
    date: time::Date,
    expiry: Option<SystemTime>,
}

impl Signer {
    fn holds(&self, now: OffsetDateTime) -> bool {
        let renewed = SystemTime::from(now) + RENEWED_BEFORE;
        self.date == now.date() && self.expiry.is_none_or(|expiry| renewed < expiry)
    }

    /// The date and the authorization of a GET of `path`, which is percent-encoded.
    fn sign(&self, now: OffsetDateTime, host: &str, path: &str) -> Result<(String, String), BoxError> {
        let mut date = day(now)?;
        write!(date, "T{:02}{:02}{:02}Z", now.hour(), now.minute(), now.second())?;
        let mut canonical = format!("GET\n{path}\n\nhost:{host}\nx-amz-content-sha256:{PAYLOAD}\nx-amz-date:{date}\n");
        let mut signed = "host;x-amz-content-sha256;x-amz-date".to_owned();
        if let Some(token) = &self.token {
            writeln!(canonical, "x-amz-security-token:{token}")?;
            signed.push_str(";x-amz-security-token");
        }
        write!(canonical, "\n{signed}\n{PAYLOAD}")?;
        let mut text = format!("AWS4-HMAC-SHA256\n{date}\n{}\n", self.scope);
        text.push_str(&crate::hex(&Sha256::digest(canonical)));
        let signature = calculate_signature(&self.key, text.as_bytes());
        let (access_key, scope) = (&self.access_key, &self.scope);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope}, SignedHeaders={signed}, Signature={signature}");
        Ok((date, authorization))
    }
}

/// The date in a scope.
pub(super) fn day(now: OffsetDateTime) -> Result<String, std::fmt::Error> {
    let mut day = String::with_capacity("20000101T000000Z".len());
    write!(day, "{:04}{:02}{:02}", now.year(), u8::from(now.month()), now.day())?;
    Ok(day)
}

fn fetched(response: HttpResponse) -> Fetched {
    let headers = response.headers();
    Fetched {
        length: headers.get(CONTENT_LENGTH.as_str()).and_then(|length| length.parse().ok()).unwrap_or(0),
        etag: headers.get(ETAG.as_str()).unwrap_or_default().to_owned(),
        modified: headers
            .get(LAST_MODIFIED.as_str())
            .and_then(|date| httpdate::parse_http_date(date).ok())
            .unwrap_or(SystemTime::UNIX_EPOCH),
        content_type: headers.get(CONTENT_TYPE.as_str()).map(str::to_owned),
        body: Body::new(response.into_body()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Signer, generate_signing_key};

    /// The signature that the SDK makes of the same request, as it was computed once with `botocore`.
    #[test]
    fn a_signature_is_what_others_make_of_it() {
        let now = time::OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let key = generate_signing_key("secret", now.into(), "us-east-1", "s3");
        let mut signer = Signer {
            key: key.as_ref().to_vec(),
            access_key: "access".to_owned(),
            token: None,
            scope: "20231114/us-east-1/s3/aws4_request".to_owned(),
            date: now.date(),
            expiry: None,
        };
        let path = "/bucket/photos/a%20b/%C3%A9.jpg";
        let (date, authorization) = signer.sign(now, "127.0.0.1:9000", path).unwrap();
        assert_eq!(date, "20231114T221320Z");
        assert!(authorization.starts_with(
            "AWS4-HMAC-SHA256 Credential=access/20231114/us-east-1/s3/aws4_request, \
             SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature="
        ));
        assert!(
            authorization.ends_with("=2746811f46bdb4265b3c9539391f1307442114d1bd99dc515884683db9182df1"),
            "{authorization}"
        );
        signer.token = Some("token".to_owned());
        let (_, authorization) = signer.sign(now, "127.0.0.1:9000", path).unwrap();
        assert!(
            authorization.ends_with("=20ee589b67c3ac48d0ad2dd61198ef5bf64f24a34f71a28b8b94cfa2530cade4"),
            "{authorization}"
        );
    }

    #[test]
    fn a_signer_holds_for_its_day_and_until_credentials_expire() {
        let now = time::OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let expiry = Some(std::time::SystemTime::from(now) + std::time::Duration::from_secs(600));
        let (key, scope) = (Vec::new(), String::new());
        let signer = Signer { key, access_key: String::new(), token: None, scope, date: now.date(), expiry };
        assert!(signer.holds(now));
        assert!(!signer.holds(now + time::Duration::minutes(6)), "they expire in four minutes");
        assert!(!Signer { expiry: None, ..signer }.holds(now + time::Duration::days(1)));
    }
}
