//! `POST /detail/{dockerId}/rotate-password`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::ROTATE_PASSWORD).await
}
