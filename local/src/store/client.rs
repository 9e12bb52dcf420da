//! The client in the process: what the SDK sends goes to the service directly, without TCP.
//!
//! Requests are signed and verified as over TCP, and bodies are streamed both ways.

use std::fmt;

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use http::HeaderValue;
use http::header::HOST;
use s3s::Body;

use super::digest::OPAQUE;
use super::front::Front;

pub(super) fn http_client(front: Front) -> SharedHttpClient {
    let connector = SharedHttpConnector::new(Connector(front));
    http_client_fn(move |_, _| connector.clone())
}

struct Connector(Front);

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("store::client::Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let front = self.0.clone();
        HttpConnectorFuture::new_boxed(Box::pin(send(front, request)))
    }
}

async fn send(front: Front, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
    let mut request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
    // The signature covers the host, which an HTTP client would add from the address.
    let host = request.uri().authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
    if let Some(host) = host {
        request.headers_mut().entry(HOST).or_insert(host);
    }
    // Nobody in this process compares an ETag with an MD5.
    request.headers_mut().insert(OPAQUE, HeaderValue::from_static("1"));
    let response = front.call(request.map(Body::http_body_unsync)).await;
    let response = response.map_err(|error| ConnectorError::other(error.into(), None))?;
    let response = response.map(SdkBody::from_body_1_x);
    HttpResponse::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}
