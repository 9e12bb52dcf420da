//! The worker that delivers callbacks to business servers

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::events::run(&shared::outbox::DELIVER_CALLBACKS)
}
