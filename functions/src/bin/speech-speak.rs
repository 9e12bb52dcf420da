//! `POST /v1/audio/speech`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::SPEAK).await
}
