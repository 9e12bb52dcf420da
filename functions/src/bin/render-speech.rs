//! The worker that renders texts

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::events::run(&shared::speech::RENDER_SPEECH)
}
