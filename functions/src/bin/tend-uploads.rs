//! The worker that finishes, expires and removes uploads

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::events::run(&shared::uploads::TEND_UPLOADS).await
}
