//! `POST /instances`

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::INSTANCES_FORM).await
}
