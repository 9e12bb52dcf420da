//! `POST /api/upload/new/task`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::block::NEW_TASK).await
}
