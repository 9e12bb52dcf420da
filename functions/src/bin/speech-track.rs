//! `POST /get_track_for_route`

use std::process::ExitCode;

fn main() -> ExitCode {
    shared::lambda::run(&shared::speech::TRACK)
}
