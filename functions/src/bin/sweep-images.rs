//! The worker that finishes what was cut short of images

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::events::run(&shared::images::SWEEP_IMAGES).await
}
