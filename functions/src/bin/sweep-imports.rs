//! The worker that removes what an import left that did not end

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::events::run(&shared::archive::SWEEP_IMPORTS)
}
