//! `GET /archive/{hash}/index.json`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::archive::INDEX).await
}
