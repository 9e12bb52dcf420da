//! Images: what judging them costs, beside what Pillow takes to decode them; uploads; serving.

pub(crate) mod examine;
mod examiner;
mod hosting;
mod judging;
mod peers;
mod photo;

/// Runs all parts, or those named.
pub(crate) async fn run(parts: &[&str]) {
    let wanted = |part| parts.is_empty() || parts.contains(&part);
    if wanted("judging") {
        judging::run().await;
    }
    if wanted("uploads") {
        hosting::uploads().await;
    }
    if wanted("serving") {
        hosting::serving().await;
    }
}
