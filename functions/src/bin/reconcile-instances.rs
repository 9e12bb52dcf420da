//! Finishes database instances that a request has left, and takes away what nobody owns.

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::events::run(&shared::instances::RECONCILE_INSTANCES)
}
