//! `POST /api/archive/import`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::archive::IMPORT).await
}
