//! One request to a business server.

use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use http::header::CONTENT_TYPE;
use reqwest::redirect::Policy;

use super::{Record, now, sign};
use crate::config::Business;
use crate::error::chain;

/// The longest wait for a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The longest time from the first byte sent to the head of the answer, the connection included.
const LIMIT: Duration = Duration::from_secs(15);

/// What a try came to.
pub(super) enum Attempt {
    /// The business server has it.
    Delivered,
    /// Worth another try; why.
    Failed(String),
    /// The same, and it took all the time there was.
    Silent,
    /// The business server does not want it, ever (410).
    Refused,
}

/// Built at the first message: it reads the system's root certificates.
#[derive(Default)]
pub(super) struct Client(OnceLock<reqwest::Client>);

impl Client {
    /// Sends a message once. Nothing is read of the answer but its status.
    pub(super) async fn attempt(&self, business: &Business, id: &str, record: &Record) -> Attempt {
        // The operator has taken the address away: there is nobody to tell.
        let Some(url) = &business.notify_url else { return Attempt::Delivered };
        let timestamp = now().as_secs();
        let sent = async {
            let request = self.client()?.post(url).header(CONTENT_TYPE, "application/json");
            let request = request.header("webhook-id", id).header("webhook-timestamp", timestamp.to_string());
            let signature =
                business.webhook_secret.as_ref().map(|secret| sign::signature(secret, id, timestamp, &record.body));
            let request = match signature {
                Some(signature) => request.header("webhook-signature", signature),
                None => request,
            };
            request.body(record.body.clone()).send().await
        };
        match sent.await.map(|answer| answer.status()) {
            Ok(status) if status.is_success() => Attempt::Delivered,
            Ok(StatusCode::GONE) => Attempt::Refused,
            Ok(status) => Attempt::Failed(format!("status {}", status.as_u16())),
            Err(error) if error.is_timeout() => Attempt::Silent,
            // An address may hold a secret.
            Err(error) => Attempt::Failed(chain(&error.without_url())),
        }
    }

    fn client(&self) -> reqwest::Result<&reqwest::Client> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = reqwest::Client::builder()
            .user_agent(concat!("pannier/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_LIMIT)
            .timeout(LIMIT)
            // Messages are rare, and a connection that the other side is about to close would cost a try.
            .pool_max_idle_per_host(0)
            .build()?;
        Ok(self.0.get_or_init(|| client))
    }
}
