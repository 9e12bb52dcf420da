//! Benchmarks: `cargo run --release -p tests --bin bench -- archive`, `-- store`, `-- uploads`, `-- images`, `-- speech`,
//! `-- instances`, `-- functions` and `-- crowd` print the tables of `BENCHMARKS.md`. Names of parts after the word run only those parts.
//!
//! Every server is a process of its own and is asked in turns with the others, so that a machine that
//! is busy for a while is busy for all of them; figures are medians, ratios are taken round by round.

#![expect(clippy::cast_possible_truncation, reason = "figures are rounded on purpose")]
// A measurement that cannot be taken is a failed run: nothing is to be rescued here.
#![allow(clippy::unwrap_used)]

mod alone;
mod archive;
mod assembled;
mod contents;
mod crowd;
mod download;
mod figures;
mod functions;
mod images;
mod instances;
mod pass_through;
mod process;
mod servers;
mod speech;
mod store;
mod stored;
mod uploads;

use std::io::Write;
use std::process::ExitCode;

const USAGE: &str = "usage: bench archive [throughput|work|memory|first-byte|assembled]...
       bench store [puts|large]...
       bench uploads [chunks|parallel|blocks|stream|memory]...    (memory only when it is named)
       bench images [judging|uploads|serving]...
       bench speech [long|first-byte|routes]...
       bench instances [one|crowd]...
       bench functions [all|first-byte]...
       bench crowd [embedded|minio]...";

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(code) = functions::serve().await {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &words[..] {
        ["archive", parts @ ..] => archive::run(parts).await,
        ["store", parts @ ..] => store::run(parts).await,
        ["uploads", parts @ ..] => Box::pin(uploads::run(parts)).await,
        ["images", parts @ ..] => Box::pin(images::run(parts)).await,
        ["speech", parts @ ..] => Box::pin(speech::run(parts)).await,
        ["instances", parts @ ..] => Box::pin(instances::run(parts)).await,
        ["functions", parts @ ..] => functions::run(parts).await,
        ["crowd", parts @ ..] => Box::pin(crowd::run(parts)).await,
        // The servers that this program itself is, started by it.
        ["pass-through", list] => pass_through::serve(list).await,
        ["sink", data] => uploads::sink::serve(data).await,
        ["examine"] => images::examine::serve(),
        ["alone", count, size] => alone::serve(count, size).await,
        _ => {
            let _ = writeln!(std::io::stderr(), "{USAGE}");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
