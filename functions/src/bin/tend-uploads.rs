//! The worker that finishes, expires and removes uploads

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::events::run(&shared::uploads::TEND_UPLOADS)
}
