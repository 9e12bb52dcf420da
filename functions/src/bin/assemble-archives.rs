//! The worker that puts large archives together in the bucket

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::events::run(&shared::archive::ASSEMBLE_ARCHIVES).await
}
