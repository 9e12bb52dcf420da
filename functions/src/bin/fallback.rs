//! Whatever no other function takes

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::pages::FALLBACK)
}
