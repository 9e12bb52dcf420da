//! The worker that finishes what was cut short of images

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::events::run(&shared::images::SWEEP_IMAGES)
}
