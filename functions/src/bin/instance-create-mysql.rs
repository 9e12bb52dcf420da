//! `POST /mysql`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::CREATE_MYSQL).await
}
