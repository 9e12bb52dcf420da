//! `POST /route_to_audio`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::ROUTE_TO_AUDIO).await
}
