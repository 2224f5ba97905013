//! An export as an XLSX workbook: one sheet with the lines, one with the totals. Numbers of orders are texts, times are dates, and amounts
//! are numbers.
//!
//! A number in a workbook is a binary fraction, because the format has no other. Each is read from the amount's own text, so all its digits
//! are there, and nothing is calculated with it here.

use domain::Timestamp;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

use super::{
    format,
    preferences::Zone,
    table::{COLUMNS, Cell, Line},
};

/// How wide the columns are, in characters.
const WIDTHS: [u16; COLUMNS] = [27, 24, 20, 20, 18, 14, 10, 13, 13, 12, 20, 20, 32, 24, 24, 20, 13, 13];

/// A sheet of few rows.
pub(crate) struct Summary {
    pub(crate) name: &'static str,
    pub(crate) rows: Vec<Vec<Cell>>,
}

/// A workbook.
pub(crate) struct Book {
    pub(crate) name: &'static str,
    pub(crate) headings: [String; COLUMNS],
    pub(crate) lines: Vec<Line>,
    pub(crate) summary: Option<Summary>,
    pub(crate) made_at: Timestamp,
    pub(crate) zone: Zone,
}

/// The formats of cells.
struct Formats {
    heading: Format,
    moment: Format,
    yuan: Format,
}

/// The bytes of the file.
///
/// # Errors
/// [`XlsxError`] if the content does not fit the format, for example more than a million rows.
pub(crate) fn write(book: &Book) -> Result<Vec<u8>, XlsxError> {
    let formats = Formats {
        heading: Format::new().set_bold(),
        moment: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
        yuan: Format::new().set_num_format("#,##0.00"),
    };
    let mut workbook = Workbook::new();
    let made_at = ExcelDateTime::parse_from_str(&format::moment(book.made_at, book.zone))?;
    workbook.set_properties(&DocProperties::new().set_creation_datetime(&made_at));
    let sheet = workbook.add_worksheet().set_name(book.name)?;
    for (column, (heading, width)) in (0..).zip(book.headings.iter().zip(WIDTHS)) {
        sheet.write_string_with_format(0, column, heading, &formats.heading)?;
        sheet.set_column_width(column, width)?;
    }
    for (row, line) in (1..).zip(&book.lines) {
        write_cells(sheet, row, line, &formats, book.zone)?;
    }
    sheet.set_freeze_panes(1, 0)?;
    let (last_row, last_column) = (u32::try_from(book.lines.len()).unwrap_or(u32::MAX), 17);
    sheet.autofilter(0, 0, last_row, last_column)?;
    if let Some(summary) = &book.summary {
        let sheet = workbook.add_worksheet().set_name(summary.name)?;
        for (row, cells) in (0..).zip(&summary.rows) {
            write_cells(sheet, row, cells, &formats, book.zone)?;
        }
        for (column, width) in (0..).zip([24_u16, 30, 16, 16, 16]) {
            sheet.set_column_width(column, width)?;
        }
    }
    workbook.save_to_buffer()
}

fn write_cells(
    sheet: &mut Worksheet,
    row: u32,
    cells: &[Cell],
    formats: &Formats,
    zone: Zone,
) -> Result<(), XlsxError> {
    for (column, cell) in (0..).zip(cells) {
        match cell {
            Cell::Empty => {}
            Cell::Text(text) => {
                sheet.write_string(row, column, text)?;
            }
            Cell::Moment(at) => {
                let at = ExcelDateTime::parse_from_str(&format::moment(*at, zone))?;
                sheet.write_datetime_with_format(row, column, at, &formats.moment)?;
            }
            Cell::Yuan(text) => {
                // A text that is no number cannot occur, and stays a text.
                match text.parse::<f64>() {
                    Ok(yuan) => sheet.write_number_with_format(row, column, yuan, &formats.yuan)?,
                    Err(_) => sheet.write_string(row, column, text)?,
                };
            }
        }
    }
    Ok(())
}
