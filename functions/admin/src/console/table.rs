//! The cells of an export, for what writes a file of them.

use domain::Timestamp;

/// A cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    Empty,
    Text(String),
    Moment(Timestamp),
    /// An amount in yuan: `1234.56`.
    Yuan(String),
}

/// The columns of an export.
pub(crate) const COLUMNS: usize = 18;

pub(crate) type Line = [Cell; COLUMNS];

/// How many bytes the texts of these lines have.
pub(crate) fn bytes(lines: &[Line]) -> usize {
    let len = |cell: &Cell| match cell {
        Cell::Empty => 0,
        Cell::Text(text) | Cell::Yuan(text) => text.len(),
        Cell::Moment(_) => "2026-11-23 22:30:00".len(),
    };
    lines.iter().flatten().map(len).sum()
}
