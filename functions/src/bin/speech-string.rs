//! `POST /string_to_audio`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::STRING_TO_AUDIO).await
}
