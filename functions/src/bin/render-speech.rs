//! The worker that renders texts

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::events::run(&shared::speech::RENDER_SPEECH).await
}
