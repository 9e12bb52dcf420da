//! The worker that delivers callbacks to business servers

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::events::run(&shared::outbox::DELIVER_CALLBACKS).await
}
