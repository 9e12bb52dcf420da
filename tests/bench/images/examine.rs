//! A process that examines the images it is told of, one at a time, and says what that took.

use std::io::Write;

use bytes::Bytes;
use serde_json::json;
use shared::images::pixels::{Refusal, examine};

use crate::process::{peak_memory, resident_memory};

/// The width of the thumbnails.
const THUMBNAIL: u32 = 320;

/// Reads paths from standard input, one a line, and answers each with a line of JSON: the verdict (`null` when the
/// image is taken), the CPU-seconds, and the memory beyond what the process held at the start, in MB.
pub(crate) fn serve() {
    let own = std::process::id();
    let idle = resident_memory(own);
    let mut out = std::io::stdout().lock();
    for path in std::io::stdin().lines() {
        let path = path.expect("a line of text");
        let bytes = Bytes::from(std::fs::read(&path).expect("the file is there"));
        // proc(5): this sets the peak back to what is held now.
        std::fs::write("/proc/self/clear_refs", "5").expect("its own peak can be reset");
        let before = on_cpu();
        let verdict = examine(&bytes, THUMBNAIL);
        let seconds = on_cpu() - before;
        let why = verdict.err().map(|refusal| match refusal {
            Refusal::Type => "no image".to_owned(),
            Refusal::Damaged(why) => why,
        });
        let line = json!({ "refusal": why, "cpu": seconds, "memory": peak_memory(own) - idle });
        writeln!(out, "{line}").and_then(|()| out.flush()).expect("standard output");
    }
}

/// Seconds that the main thread was on a processor; all of the work is done on it.
fn on_cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("the kernel keeps scheduler statistics");
    let nanoseconds: f64 = text.split_whitespace().next().and_then(|field| field.parse().ok()).expect("a number");
    nanoseconds / 1e9
}
