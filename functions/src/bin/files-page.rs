//! `GET /files`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::FILES_PAGE).await
}
