//! The layer round the protocol library, the same for TCP and for the client in the process: CORS, and
//! answers without a body where HTTP knows none.

use std::sync::Arc;

use http::{Method, StatusCode};
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpRequest, HttpResponse};

use super::api::Api;
use super::cors::{self, Cors};
use super::state::State;
use super::{Credentials, Options};

/// Bytes of an object that a browser form may post: the protocol library holds it in memory.
const FORM_LIMIT: u64 = 64 * 1024 * 1024;

/// Everything between a request and its answer.
#[derive(Clone)]
pub(super) struct Front {
    service: S3Service,
    cors: Arc<Cors>,
}

impl Front {
    pub(super) fn new(state: Arc<State>, options: Options) -> Self {
        let mut builder = S3ServiceBuilder::new(Api(state));
        let Credentials { access_key, secret_key } = options.credentials;
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let mut config = S3Config::default();
        config.post_object_max_file_size = FORM_LIMIT;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Self { service: builder.build(), cors: Arc::new(Cors::new(options.cors_origins)) }
    }

    pub(super) async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        if let Some(answer) = self.cors.preflight(&request) {
            return Ok(answer);
        }
        let origin = self.cors.allowed(request.headers());
        let is_head = request.method() == Method::HEAD;
        let mut response = self.service.call(request).await?;
        if let Some(origin) = origin {
            cors::allow(response.headers_mut(), origin);
        }
        // A client in the process would read the error document that TCP leaves out, and take its code
        // for that of the operation.
        if is_head || response.status() == StatusCode::NOT_MODIFIED {
            *response.body_mut() = Body::empty();
        }
        Ok(response)
    }
}
