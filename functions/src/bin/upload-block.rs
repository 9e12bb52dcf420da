//! `POST /api/upload/files/block`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::uploads::block::STORE_BLOCK).await
}
