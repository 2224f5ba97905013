//! Reads a bill in the format of its provider.

use super::{RawLine, Reading, columns::ColumnsReader};
use crate::{ProviderError, unionpay::FileReader};

/// Reads a bill line by line.
#[derive(Debug)]
pub struct BillReader(Form);

#[derive(Debug)]
enum Form {
    Columns(Box<ColumnsReader>),
    Unionpay(FileReader),
}

impl BillReader {
    pub(crate) fn of_columns(reader: ColumnsReader) -> Self {
        Self(Form::Columns(Box::new(reader)))
    }

    pub(crate) fn of_unionpay(reader: FileReader) -> Self {
        Self(Form::Unionpay(reader))
    }

    /// Begins a file of the bill; `head` are its first bytes.
    pub fn begin(&mut self, name: &str, head: &[u8]) {
        match &mut self.0 {
            Form::Columns(reader) => reader.begin(head),
            Form::Unionpay(reader) => reader.begin(name),
        }
    }

    /// Reads the next line.
    pub fn read(&mut self, line: RawLine<'_>) -> Reading {
        match &mut self.0 {
            Form::Columns(reader) => reader.read(line),
            Form::Unionpay(reader) => reader.read(line),
        }
    }

    /// The last file was read to its end.
    ///
    /// # Errors
    /// [`ProviderError::Unclear`] if none of the files was a bill: then their lines prove nothing.
    pub fn complete(&self) -> Result<(), ProviderError> {
        match &self.0 {
            Form::Columns(reader) => reader.complete(),
            Form::Unionpay(reader) => reader.complete(),
        }
    }
}
