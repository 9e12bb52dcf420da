//! Medians, and tables in Markdown on standard output.

use std::io::Write;

/// The middle of some figures.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = figures.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

/// The median of the ratios of figures that were taken in pairs.
pub(crate) fn ratio(ones: &[f64], others: &[f64]) -> f64 {
    assert_eq!(ones.len(), others.len(), "figures come in pairs");
    median(ones.iter().zip(others).map(|(one, other)| one / other))
}

/// The smallest and the largest, to show how far the figures lie apart.
pub(crate) fn spread(figures: &[f64]) -> (f64, f64) {
    let ends = |pick: fn(f64, f64) -> f64, start| figures.iter().copied().fold(start, pick);
    (ends(f64::min, f64::INFINITY), ends(f64::max, 0.0))
}

/// Writes a heading and the first two lines of a table.
pub(crate) fn table(title: &str, columns: &[&str]) {
    line(&format!("\n### {title}\n"));
    line(&format!("| {} |", columns.join(" | ")));
    // The first column is text, the others are figures.
    line(&format!("|---|{}", "---:|".repeat(columns.len() - 1)));
}

/// Writes a row.
pub(crate) fn row(cells: &[String]) {
    line(&format!("| {} |", cells.join(" | ")));
}

/// Writes a line of text.
pub(crate) fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("standard output");
}
