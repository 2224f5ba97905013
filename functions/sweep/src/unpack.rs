//! Unpacks a bill and hands it out line by line: what lies in memory is the packed file and one line.

use std::io::{Cursor, Read};

use bytes::Bytes;
use flate2::read::{GzDecoder, ZlibDecoder};
use providers::{BillPacking, MessageProblem, ProviderError, RawLine};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use zip::ZipArchive;

/// A line has some hundred bytes.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// Ten million lines. A longer file is not a bill, or is meant to exhaust the memory.
const UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// As much as a packed bill may have.
const ARCHIVE_BYTES_MAX: u64 = 96 * 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;
/// A bill's archive holds the lines and a summary; UnionPay's some files more.
const FILES_MAX: usize = 16;

/// What a bill consists of, in the order in which it comes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Piece<'a> {
    /// A file begins.
    File {
        /// Its name; empty if it has none.
        name: &'a str,
        /// How it begins.
        head: &'a [u8],
    },
    /// A line of it, without its end.
    Line(RawLine<'a>),
}

/// Hands the files and lines of a packed bill to `each`.
///
/// # Errors
/// [`ProviderError::Unclear`] if it is not packed as it should be, does not fit `sha1`, or `each` says so. Lines were handed out
/// by then, from which nothing is to be concluded.
pub(crate) fn read_pieces(
    packed: Bytes,
    packing: BillPacking,
    sha1: Option<&str>,
    mut each: impl FnMut(Piece<'_>) -> Result<(), ProviderError>,
) -> Result<(), ProviderError> {
    let found = match packing {
        BillPacking::Plain => split("", Cursor::new(packed), &mut each)?,
        BillPacking::Gzip => split("", GzDecoder::new(Cursor::new(packed)), &mut each)?,
        BillPacking::Zip => split_archive(packed, &mut each)?,
        BillPacking::DeflatedZip => split_archive(inflate(&packed)?, &mut each)?,
    };
    match sha1 {
        Some(expected) if !expected.eq_ignore_ascii_case(&found) => Err(unclear("its SHA-1 is another than was told")),
        Some(_) | None => Ok(()),
    }
}

/// Splits each file of a ZIP; answers the SHA-1 of the last.
fn split_archive(
    packed: Bytes,
    each: &mut impl FnMut(Piece<'_>) -> Result<(), ProviderError>,
) -> Result<String, ProviderError> {
    let mut archive = ZipArchive::new(Cursor::new(packed)).map_err(|error| unclear(&error.to_string()))?;
    if archive.is_empty() || archive.len() > FILES_MAX {
        return Err(unclear(&format!("it holds {} files, expected 1 to {FILES_MAX}", archive.len())));
    }
    let mut last = String::new();
    for n in 0..archive.len() {
        let file = archive.by_index(n).map_err(|error| unclear(&error.to_string()))?;
        let name = file.name().map_err(|error| unclear(&error.to_string()))?.into_owned();
        last = split(&name, file, each)?;
    }
    Ok(last)
}

/// A ZIP that was deflated hardly grows.
fn inflate(packed: &[u8]) -> Result<Bytes, ProviderError> {
    let mut inflated = Vec::new();
    let mut reader = ZlibDecoder::new(packed).take(ARCHIVE_BYTES_MAX);
    reader.read_to_end(&mut inflated).map_err(|error| unclear(&error.to_string()))?;
    if reader.limit() == 0 {
        return Err(unclear("it is longer than any bill"));
    }
    Ok(inflated.into())
}

/// Splits a file into lines, whatever they end with; answers the SHA-1 of what was unpacked.
fn split(
    name: &str,
    reader: impl Read,
    each: &mut impl FnMut(Piece<'_>) -> Result<(), ProviderError>,
) -> Result<String, ProviderError> {
    let mut reader = reader.take(UNPACKED_BYTES_MAX);
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    let mut chunk = Vec::with_capacity(CHUNK_BYTES);
    let mut line = Line::default();
    let mut is_first = true;
    loop {
        chunk.clear();
        let limit = u64::try_from(CHUNK_BYTES).unwrap_or(u64::MAX);
        let count = reader.by_ref().take(limit).read_to_end(&mut chunk).map_err(|error| unclear(&error.to_string()))?;
        digest.update(&chunk);
        if std::mem::take(&mut is_first) {
            each(Piece::File { name, head: &chunk })?;
        }
        // What the last piece leaves is not ended yet.
        let mut pieces = chunk.split(|byte| *byte == b'\n').peekable();
        while let Some(piece) = pieces.next() {
            line.add(piece);
            if pieces.peek().is_some() {
                each(line.piece())?;
                line = Line::default();
            }
        }
        if count == 0 {
            break;
        }
    }
    if reader.limit() == 0 {
        return Err(unclear("it is longer than any bill"));
    }
    if !line.bytes.is_empty() {
        each(line.piece())?;
    }
    Ok(digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A line as far as it was read, and as far as it may be long.
#[derive(Debug, Default)]
struct Line {
    bytes: Vec<u8>,
    is_cut: bool,
}

impl Line {
    fn add(&mut self, piece: &[u8]) {
        let fitting = piece.get(..LINE_BYTES_MAX.saturating_sub(self.bytes.len())).unwrap_or(piece);
        self.bytes.extend_from_slice(fitting);
        self.is_cut |= fitting.len() < piece.len();
    }

    fn piece(&self) -> Piece<'_> {
        Piece::Line(RawLine { bytes: &self.bytes, is_cut: self.is_cut })
    }
}

fn unclear(reason: &str) -> ProviderError {
    MessageProblem::BillPacking { why: reason.to_owned() }.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{
        Compression,
        write::{GzEncoder, ZlibEncoder},
    };
    use zip::{ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn gzip(text: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap().into()
    }

    fn zip(files: &[(&str, &str)]) -> Bytes {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in files {
            zip.start_file(*name, SimpleFileOptions::default()).unwrap();
            zip.write_all(text.as_bytes()).unwrap();
        }
        zip.finish().unwrap().into_inner().into()
    }

    /// Files begin with `>`, lines that are cut end with `~`.
    fn pieces(packed: Bytes, packing: BillPacking) -> Result<Vec<String>, ProviderError> {
        let mut found = Vec::new();
        read_pieces(packed, packing, None, |piece| {
            found.push(match piece {
                Piece::File { name, head } => format!(">{name}:{}", head.len()),
                Piece::Line(line) => {
                    let cut = if line.is_cut { "~" } else { "" };
                    format!("{}{cut}", String::from_utf8_lossy(line.bytes))
                }
            });
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn lines_come_out_as_they_went_in() {
        let text = "茶,1\r\n".repeat(100_000) + "last";
        for (packed, packing) in [(gzip(text.as_bytes()), BillPacking::Gzip), (text.into(), BillPacking::Plain)] {
            let lines = pieces(packed, packing).unwrap();
            assert_eq!(lines.len(), 100_002);
            let is_line = |line: &String| line == "茶,1\r" || line == "last" || line == ">:65536";
            assert!(lines.iter().all(is_line), "{:?}", lines.iter().find(|line| !is_line(line)));
        }
    }

    #[test]
    fn each_file_of_an_archive_is_read_whichever_is_longer() {
        let packed = zip(&[("a", "1\n2"), ("汇总", "long\nlonger\n"), ("c", "")]);
        assert_eq!(pieces(packed, BillPacking::Zip).unwrap(), [">a:3", "1", "2", ">汇总:12", "long", "longer", ">c:0"]);
        let many: Vec<String> = (0..=FILES_MAX).map(|n| n.to_string()).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "x")).collect();
        assert!(pieces(zip(&many), BillPacking::Zip).is_err());
        assert!(pieces(zip(&[]), BillPacking::Zip).is_err());
    }

    #[test]
    fn an_archive_that_was_deflated_is_read() {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&zip(&[("INN26112388ZM_1", "1\r\n2")])).unwrap();
        let packed = Bytes::from(encoder.finish().unwrap());
        let found = pieces(packed.clone(), BillPacking::DeflatedZip).unwrap();
        assert_eq!(found, [">INN26112388ZM_1:4", "1\r", "2"]);
        assert!(pieces(packed.slice(..packed.len() / 2), BillPacking::DeflatedZip).is_err());
    }

    #[test]
    fn another_hash_is_another_bill() {
        let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let read = |sha1| read_pieces(gzip(b"abc"), BillPacking::Gzip, Some(sha1), |_| Ok(()));
        assert_eq!(read(sha1), Ok(()));
        assert!(read("00").is_err());
    }

    #[test]
    fn what_is_not_packed_is_no_bill() {
        for packing in [BillPacking::Gzip, BillPacking::Zip, BillPacking::DeflatedZip] {
            for bytes in ["", "x", "PK\u{3}\u{4}"] {
                assert!(pieces(Bytes::from(bytes), packing).is_err(), "{packing:?} {bytes}");
            }
        }
    }

    #[test]
    fn no_spoiled_file_stops_the_unpacking() {
        let text = "茶,1\r\n".repeat(50);
        let mut deflater = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
        let zipped = zip(&[("bill.csv", &text), ("sum.csv", "1")]);
        deflater.write_all(&zipped).unwrap();
        let files = [gzip(text.as_bytes()).to_vec(), zipped.to_vec(), deflater.finish().unwrap(), text.into_bytes()];
        // Xorshift: the same numbers in every run.
        let mut dice = 0x9e37_79b9_7f4a_7c15_u64;
        let mut below = |end: usize| {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            usize::try_from(dice % u64::try_from(end.max(1)).unwrap()).unwrap()
        };
        for _ in 0..3000 {
            let mut file = files[below(files.len())].clone();
            for _ in 0..=below(4) {
                let at = below(file.len());
                match below(3) {
                    0 if !file.is_empty() => file[at] = u8::try_from(below(256)).unwrap(),
                    1 => file.truncate(at),
                    _ => file.extend_from_within(at..),
                }
            }
            for packing in [BillPacking::Gzip, BillPacking::Zip, BillPacking::DeflatedZip, BillPacking::Plain] {
                let _ = pieces(Bytes::from(file.clone()), packing);
            }
        }
    }

    #[test]
    fn an_endless_line_is_cut_and_the_next_is_whole() {
        let long = "x".repeat(10 * CHUNK_BYTES);
        let lines = pieces(gzip(format!("a\n{long}\nb\0\n\nc").as_bytes()), BillPacking::Gzip).unwrap();
        let cut = format!("{}~", "x".repeat(LINE_BYTES_MAX));
        assert_eq!(lines.get(1..), Some(["a", &cut, "b\0", "", "c"].map(str::to_owned).as_slice()));
    }
}
