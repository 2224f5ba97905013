//! Unpacks a bill and hands it out line by line: what lies in memory is the packed file and one line.

use std::io::{Cursor, Read};

use bytes::Bytes;
use encoding_rs::{Encoding, GBK, UTF_8};
use flate2::read::GzDecoder;
use providers::{BillPacking, ProviderError};
use ring::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY};
use zip::ZipArchive;

/// A line has some hundred characters.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Ten million lines. A file that is longer is none, or a trap.
const UNPACKED_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
const CHUNK_BYTES: usize = 64 * 1024;
/// A bill's archive holds the lines and a summary.
const FILES_MAX: usize = 16;

/// Hands the lines of a packed bill to `each`.
///
/// # Errors
/// [`ProviderError::Unclear`] if it is not packed as it should be, does not fit `sha1`, or `each` says so. Lines were handed out
/// by then, from which nothing is to be concluded.
pub(crate) fn read_lines(
    packed: Bytes,
    packing: BillPacking,
    sha1: Option<&str>,
    mut each: impl FnMut(&str) -> Result<(), ProviderError>,
) -> Result<(), ProviderError> {
    let found = match packing {
        BillPacking::GzipUtf8 => decode(GzDecoder::new(Cursor::new(packed)), UTF_8, &mut each)?,
        BillPacking::ZipGbk => {
            let mut archive = ZipArchive::new(Cursor::new(packed)).map_err(|error| unclear(&error.to_string()))?;
            let sizes = (0..archive.len().min(FILES_MAX)).filter_map(|n| Some((archive.by_index(n).ok()?.size(), n)));
            let (_, longest) = sizes.collect::<Vec<_>>().into_iter().max().ok_or_else(|| unclear("it is empty"))?;
            let file = archive.by_index(longest).map_err(|error| unclear(&error.to_string()))?;
            decode(file, GBK, &mut each)?
        }
    };
    match sha1 {
        Some(expected) if !expected.eq_ignore_ascii_case(&found) => Err(unclear("its SHA-1 is another than was told")),
        Some(_) | None => Ok(()),
    }
}

/// Decodes and splits; answers the SHA-1 of what was unpacked.
fn decode(
    reader: impl Read,
    encoding: &'static Encoding,
    each: &mut impl FnMut(&str) -> Result<(), ProviderError>,
) -> Result<String, ProviderError> {
    let mut reader = reader.take(UNPACKED_BYTES_MAX);
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut digest = Context::new(&SHA1_FOR_LEGACY_USE_ONLY);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut pending = String::new();
    loop {
        let count = reader.read(&mut chunk).map_err(|error| unclear(&error.to_string()))?;
        let bytes = chunk.get(..count).unwrap_or_default();
        digest.update(bytes);
        pending.reserve(decoder.max_utf8_buffer_length(count).unwrap_or(CHUNK_BYTES * 4));
        let (_, _, _) = decoder.decode_to_string(bytes, &mut pending, count == 0);
        let whole = pending.rfind('\n').map_or(0, |end| end + 1);
        for line in pending.get(..whole).unwrap_or_default().lines() {
            each(line)?;
        }
        pending.drain(..whole);
        if pending.len() > LINE_BYTES_MAX {
            return Err(unclear("a line is too long"));
        }
        if count == 0 {
            break;
        }
    }
    if !pending.is_empty() {
        each(&pending)?;
    }
    Ok(digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn unclear(reason: &str) -> ProviderError {
    ProviderError::Unclear { reason: format!("the bill cannot be unpacked: {reason}") }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn gzip(text: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn lines_come_out_as_they_went_in() {
        let text = "茶,1\r\n".repeat(100_000) + "last";
        let mut lines = 0;
        read_lines(gzip(text.as_bytes()), BillPacking::GzipUtf8, None, |line| {
            assert!(line == "茶,1" || line == "last", "{line}");
            lines += 1;
            Ok(())
        })
        .unwrap();
        assert_eq!(lines, 100_001);
    }

    #[test]
    fn another_hash_is_another_bill() {
        let sha1 = "a9993e364706816aba3e25717850c26c9cd0d89d";
        let read = |sha1| read_lines(gzip(b"abc"), BillPacking::GzipUtf8, Some(sha1), |_| Ok(()));
        assert_eq!(read(sha1), Ok(()));
        assert!(read("00").is_err());
    }

    #[test]
    fn what_is_not_packed_is_no_bill() {
        for packing in [BillPacking::GzipUtf8, BillPacking::ZipGbk] {
            for bytes in ["", "x", "PK\u{3}\u{4}"] {
                assert!(read_lines(Bytes::from(bytes), packing, None, |_| Ok(())).is_err(), "{packing:?} {bytes}");
            }
        }
    }

    #[test]
    fn an_endless_line_is_no_bill() {
        let long = gzip("x".repeat(10 * LINE_BYTES_MAX).as_bytes());
        assert!(read_lines(long, BillPacking::GzipUtf8, None, |_| Ok(())).is_err());
    }
}
