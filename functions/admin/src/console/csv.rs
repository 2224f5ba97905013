//! An export as CSV, for spreadsheets and for programs. [`super::cell`] keeps a spreadsheet from computing a text, or from reading a number
//! as another one.

use super::{
    cell::{guarded, text_cell},
    format,
    preferences::Zone,
    table::{COLUMNS, Cell, Line},
};

/// The byte order mark, by which spreadsheets recognize UTF-8.
pub(crate) const MARK: char = '\u{feff}';

/// Writes a line.
pub(crate) fn write_line(text: &mut String, line: &Line, zone: Zone) {
    let cell = |cell: &Cell| match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text_cell(text),
        Cell::Moment(at) => format::moment(*at, zone),
        Cell::Yuan(yuan) => yuan.clone(),
    };
    let cells: [String; COLUMNS] = line.each_ref().map(cell);
    write_row(text, &cells.each_ref().map(String::as_str));
}

/// Writes one row of texts, amounts and times.
pub(crate) fn write_row(text: &mut String, cells: &[&str]) {
    for (place, cell) in cells.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push('"');
        text.push_str(&guarded(cell).replace('"', "\"\""));
        text.push('"');
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::write_row;

    #[test]
    fn a_row_is_quoted_whatever_it_holds() {
        let mut text = String::new();
        write_row(&mut text, &["1", "=HYPERLINK(\"x\")", "a\"b,c", "茶\r\n"]);
        assert_eq!(text, "\"1\",\"'=HYPERLINK(\"\"x\"\")\",\"a\"\"b,c\",\"茶\r\n\"\r\n");
    }
}
