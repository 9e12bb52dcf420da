//! The worker that records the CRC-32 of objects as they arrive

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::events::run(&shared::archive::RECORD_CRC32)
}
