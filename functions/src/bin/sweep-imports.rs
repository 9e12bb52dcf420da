//! The worker that removes what an import left that did not end

use std::process::ExitCode;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    shared::events::run(&shared::archive::SWEEP_IMPORTS).await
}
