//! `POST /detail/{dockerId}/restart`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::instances::RESTART).await
}
