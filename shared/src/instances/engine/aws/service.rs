//! Calls of a service, without a client that is made for it: there are some twenty of them, and the clients of RDS,
//! ElastiCache, ECS and Secrets Manager, which know every operation and every shape, are 6 MB of each function. What sends,
//! signs and tries again is what those stand on (`aws-smithy-runtime`, `aws-runtime`).
//!
//! - [`Query`]: a form, answered with XML (Smithy, "AWS Query protocol"): RDS and ElastiCache.
//! - [`Json`]: JSON both ways (Smithy, "AWS JSON 1.1 protocol"): ECS and Secrets Manager.
//!
//! Of an answer only what is read is declared, where it is read.

use std::fmt;

use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{AuthSchemeOptionResolverParams, SharedAuthSchemeOptionResolver};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::SigningRegion;
use aws_types::{SdkConfig, SigningName};
use http::header::{CONTENT_TYPE, USER_AGENT};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::trouble::Trouble;
use super::unavailable;
use crate::cloud;
use crate::error::BoxError;
use crate::instances::record::Place;

/// A service that is asked by forms and answers with XML.
pub(super) struct Query {
    service: Service,
    version: &'static str,
}

impl Query {
    /// The service that is signed for and found under `name`, in this version; `None` without a region.
    pub(super) fn new(config: &SdkConfig, name: &'static str, version: &'static str) -> Option<Self> {
        Some(Self { service: Service::new(config, name)?, version })
    }

    /// Does `action`, to do `doing`, and reads what is below the outermost element.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        action: &str,
        form: Form,
        doing: &'static str,
    ) -> Result<T, Trouble> {
        let answer = self.send(action, form, doing).await?;
        let text = std::str::from_utf8(&answer.0).map_err(|_| unread(doing))?;
        quick_xml::de::from_str(text).map_err(|_| unread(doing))
    }

    /// Does `action`, to do `doing`; what is answered says no more than that it was done.
    pub(super) async fn tell(&self, action: &str, form: Form, doing: &'static str) -> Result<(), Trouble> {
        self.send(action, form, doing).await.map(drop)
    }

    async fn send(&self, action: &str, form: Form, doing: &'static str) -> Result<Answer, Trouble> {
        let form = form.with("Action", action).with("Version", self.version);
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form.0).finish();
        self.service.send(Request { target: None, body }, doing).await
    }
}

/// The fields of a form.
#[derive(Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// With this field, too.
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    /// With this field, too, if there is a value for it.
    pub(super) fn with_some(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// With a list, whose fields are named as its members and numbered from one.
    pub(super) fn list(mut self, name: &str, values: impl IntoIterator<Item = impl ToString>) -> Self {
        let numbered =
            values.into_iter().zip(1..).map(|(value, number)| (format!("{name}.{number}"), value.to_string()));
        self.0.extend(numbered);
        self
    }

    /// With a list of tags.
    pub(super) fn tags(self, tags: [(&str, String); 3]) -> Self {
        tags.into_iter().zip(1..).fold(self, |form, ((key, value), number)| {
            let tag = format!("Tags.Tag.{number}");
            form.with(&format!("{tag}.Key"), key).with(&format!("{tag}.Value"), value)
        })
    }
}

/// Where a database is reached.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Address {
    #[serde(rename = "Address")]
    host: Option<String>,
    port: Option<u16>,
}

impl Address {
    /// `None` as long as it is not known.
    pub(super) fn place(self, tls: bool) -> Option<Place> {
        Some(Place { host: self.host?, port: self.port?, tls })
    }
}

/// A list in XML, whatever its members are called.
#[derive(Debug, Deserialize)]
pub(super) struct List<T> {
    /// In their order.
    #[serde(rename = "$value", default = "Vec::new")]
    pub(super) members: Vec<T>,
}

/// A list that is not in the answer is empty.
impl<T> Default for List<T> {
    fn default() -> Self {
        Self { members: Vec::new() }
    }
}

/// A service that is asked by JSON and answers with it.
pub(super) struct Json {
    service: Service,
    prefix: &'static str,
}

impl Json {
    /// The service that is signed for and found under `name`, and whose actions have this prefix; `None` without a region.
    pub(super) fn new(config: &SdkConfig, name: &'static str, prefix: &'static str) -> Option<Self> {
        Some(Self { service: Service::new(config, name)?, prefix })
    }

    /// Does `action`, to do `doing`, with these members, of which those that are null are left out.
    pub(super) async fn ask<T: DeserializeOwned>(
        &self,
        action: &str,
        input: Value,
        doing: &'static str,
    ) -> Result<T, Trouble> {
        let answer = self.send(action, input, doing).await?;
        serde_json::from_slice(&answer.0).map_err(|_| unread(doing))
    }

    /// The same; what is answered says no more than that it was done.
    pub(super) async fn tell(&self, action: &str, input: Value, doing: &'static str) -> Result<(), Trouble> {
        self.send(action, input, doing).await.map(drop)
    }

    async fn send(&self, action: &str, mut input: Value, doing: &'static str) -> Result<Answer, Trouble> {
        if let Some(members) = input.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        let target = Some(format!("{}.{action}", self.prefix));
        self.service.send(Request { target, body: input.to_string() }, doing).await
    }
}

/// What is not there, or is null, is empty.
pub(super) fn or_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(member: D) -> Result<T, D::Error> {
    Option::deserialize(member).map(Option::unwrap_or_default)
}

/// An answer is not as it should be. Without the text of the parser, which may quote a secret.
fn unread(doing: &str) -> Trouble {
    unavailable().caused_by(format!("{doing}: the answer cannot be read")).into()
}

/// One service, whichever way it is asked.
struct Service {
    operation: Operation<Request, Answer, ErrorMetadata>,
}

impl Service {
    fn new(config: &SdkConfig, name: &'static str) -> Option<Self> {
        let region = config.region()?;
        let mut layer = Layer::new("service");
        layer.store_put(SigningName::from_static(name));
        layer.store_put(SigningRegion::from(region.clone()));
        layer.store_put(SigV4OperationSigningConfig::default());
        layer.store_put(AuthSchemeOptionResolverParams::new(()));
        // Secrets are in some.
        layer.store_put(SensitiveOutput);
        let mut components = RuntimeComponentsBuilder::new("service");
        let schemes = StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID]);
        components.set_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)));
        components.push_auth_scheme(SigV4AuthScheme::new());
        if let Some(credentials) = config.credentials_provider() {
            components.set_identity_resolver(SCHEME_ID, credentials);
        }
        // One for all services: credentials are found once.
        if let Some(cache) = config.identity_cache() {
            components.set_identity_cache(Some(cache));
        }
        components.push_retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new());
        components.push_retry_classifier(HttpStatusCodeClassifier::default());
        components.push_retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new());
        components.push_retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new());
        let plugin = StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components);
        let retries = config.retry_config().cloned().unwrap_or_else(RetryConfig::standard);
        let timeouts = config.timeout_config().cloned().unwrap_or_else(TimeoutConfig::disabled);
        let (fips, dual_stack) = (config.use_fips() == Some(true), config.use_dual_stack() == Some(true));
        let endpoint = match config.endpoint_url() {
            Some(own) => own.to_owned(),
            None => cloud::endpoint(name, region.as_ref(), fips, dual_stack),
        };
        let operation = Operation::builder()
            .service_name(name)
            .operation_name("call")
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(&endpoint)
            .standard_retry(&retries)
            .timeout_config(timeouts)
            .with_connection_poisoning()
            .interceptor(ServiceClockSkewInterceptor::new())
            .serializer(|request: Request| request.signable())
            .deserializer(answer)
            .runtime_plugin(plugin)
            .build();
        Some(Self { operation })
    }

    async fn send(&self, request: Request, doing: &'static str) -> Result<Answer, Trouble> {
        // Boxed: the futures of what sends are large.
        Box::pin(self.operation.invoke(request)).await.map_err(|error| Trouble::of(doing, error))
    }
}

/// What is asked. Prints without what may be a secret.
struct Request {
    /// The action, where the body does not say it.
    target: Option<String>,
    body: String,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Request(...)")
    }
}

impl Request {
    fn signable(self) -> Result<HttpRequest, BoxError> {
        let kind = match self.target {
            Some(_) => "application/x-amz-json-1.1",
            None => "application/x-www-form-urlencoded",
        };
        let mut request = http::Request::post("/").header(CONTENT_TYPE, kind);
        request = request.header(USER_AGENT, concat!("pannier/", env!("CARGO_PKG_VERSION")));
        if let Some(target) = self.target {
            request = request.header("x-amz-target", target);
        }
        Ok(request.body(SdkBody::from(self.body))?.try_into()?)
    }
}

/// What is answered. Prints without it.
struct Answer(Vec<u8>);

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer(...)")
    }
}

/// Every body is whole here: none of these calls streams.
fn answer(response: &HttpResponse) -> Result<Answer, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if !response.status().is_success() {
        return Err(OrchestratorError::operation(fault(response.headers().get("x-amzn-errortype"), body)));
    }
    Ok(Answer(body.to_vec()))
}

/// The code and the text of an error, in either form; of JSON, the code may stand in a header, and behind a namespace and
/// before a link (Smithy, "AWS JSON 1.1 protocol", "Operation error serialization").
fn fault(header: Option<&str>, body: &[u8]) -> ErrorMetadata {
    #[derive(Deserialize)]
    struct Xml {
        #[serde(rename = "Error")]
        error: Details,
    }
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Details {
        code: Option<String>,
        message: Option<String>,
    }
    let text = String::from_utf8_lossy(body);
    let details = match serde_json::from_str::<Map<String, Value>>(&text) {
        Ok(json) => {
            let member = |names: [&str; 2]| names.iter().find_map(|name| json.get(*name)?.as_str()).map(str::to_owned);
            Some(Details { code: member(["code", "__type"]), message: member(["message", "Message"]) })
        }
        Err(_) => quick_xml::de::from_str::<Xml>(&text).ok().map(|xml| xml.error),
    };
    let Details { code, message } = details.unwrap_or_default();
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = header.map(str::to_owned).or(code) {
        // A link has a colon and may have a `#`; a namespace has neither.
        let code = code.split(':').next().unwrap_or_default();
        metadata = metadata.code(code.rsplit('#').next().unwrap_or_default());
    }
    if let Some(message) = message {
        metadata = metadata.message(message);
    }
    metadata.build()
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::{List, fault};

    #[test]
    fn an_error_is_told_by_its_code() {
        for body in [
            "<ErrorResponse xmlns=\"x\"><Error><Type>Sender</Type><Code>Gone</Code><Message>It is.</Message></Error>\
             <RequestId>1</RequestId></ErrorResponse>",
            r#"{"__type":"Gone","message":"It is."}"#,
            r#"{"__type":"com.amazonaws.x#Gone","Message":"It is."}"#,
            r#"{"code":"Gone:http://x/","message":"It is."}"#,
            r#"{"__type":"Other","code":"Gone","message":"It is.","Message":"It was.","more":[1]}"#,
            r#"{"__type":"Gone","code":5,"message":null,"Message":"It is."}"#,
        ] {
            let fault = fault(None, body.as_bytes());
            assert_eq!((fault.code(), fault.message()), (Some("Gone"), Some("It is.")), "{body}");
        }
        assert_eq!(fault(Some("Gone:http://x/#y"), b"{}").code(), Some("Gone"));
        for body in ["", "{", "<html>", "{}", "<ErrorResponse/>", "\u{fffd}"] {
            assert_eq!(fault(None, body.as_bytes()).code(), None, "{body}");
        }
    }

    #[test]
    fn a_list_holds_members_of_any_name() {
        #[derive(Debug, Deserialize)]
        struct Found {
            #[serde(rename = "Things", default)]
            things: List<Thing>,
        }
        #[derive(Debug, Deserialize)]
        struct Thing {
            #[serde(rename = "Name")]
            name: Option<String>,
        }
        let read = |text: &str| -> Vec<Option<String>> {
            let found: Found = quick_xml::de::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            found.things.members.into_iter().map(|thing| thing.name).collect()
        };
        let one = |name: &str| Some(name.to_owned());
        assert_eq!(
            read("<A><Things><Thing><Name>a</Name><More><Name>x</Name></More></Thing>\n<Thing/></Things></A>"),
            [one("a"), None]
        );
        assert_eq!(read("<A><Other/><Things><member><Name>&lt;a b</Name></member></Things></A>"), [one("<a b")]);
        assert_eq!(read("<A><Things/></A>"), []);
        assert_eq!(read("<A></A>"), []);
    }
}
