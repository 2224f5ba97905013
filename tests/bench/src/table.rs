//! Prints tables in Markdown, as `docs/performance.md` shows them.

use std::time::Duration;

/// Prints a heading and a table.
pub(crate) fn print(heading: &str, columns: &[&str], rows: &[Vec<String>]) {
    println!("\n### {heading}\n");
    println!("| {} |", columns.join(" | "));
    println!("|{}", "---|".repeat(columns.len()));
    for row in rows {
        println!("| {} |", row.join(" | "));
    }
}

/// The median.
pub(crate) fn median<T: Ord + Copy + Default>(values: &[T]) -> T {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// `1.23 ms`, or `45 µs` below half a millisecond.
pub(crate) fn time(duration: Duration) -> String {
    let micros = duration.as_micros();
    if micros < 500 { format!("{micros} µs") } else { format!("{}.{:02} ms", micros / 1000, micros % 1000 / 10) }
}

/// `1.23 x`.
pub(crate) fn ratio(found: Duration, floor: Duration) -> String {
    let hundredths = found.as_nanos() * 100 / floor.as_nanos().max(1);
    format!("{}.{:02} x", hundredths / 100, hundredths % 100)
}
