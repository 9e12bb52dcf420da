//! The worker that puts large archives together in the bucket

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::events::run(&shared::archive::ASSEMBLE_ARCHIVES)
}
