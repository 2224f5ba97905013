//! QR codes as SVG.

use domain::WebUrl;
use fast_qr::{ECL, QRBuilder};
use runtime::BillError;

/// A code ready to be drawn: dark modules as a path.
pub(crate) struct Drawing {
    /// How many modules a side has, including the quiet zone.
    pub(crate) side: usize,
    /// The dark modules, one rectangle for each run in a row.
    pub(crate) path: String,
}

/// The quiet zone that the standard demands.
const QUIET_ZONE: usize = 4;

/// Draws the code of a text.
///
/// # Errors
/// [`BillError::NumberTooLong`]: no code holds that much.
pub(crate) fn draw(text: &str) -> Result<Drawing, BillError> {
    let too_long = |_| BillError::NumberTooLong { chars: text.len(), max: WebUrl::CHARS_MAX };
    let code = QRBuilder::new(text).ecl(ECL::M).build().map_err(too_long)?;
    let size = code.size.max(1);
    let mut path = String::new();
    for (y, row) in code.data.chunks(size).take(size).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|one, next| one.value() == next.value()) {
            if run.first().is_some_and(|module| module.value()) {
                let (left, top, length) = (x + QUIET_ZONE, y + QUIET_ZONE, run.len());
                path.push_str(&format!("M{left} {top}h{length}v1h-{length}z"));
            }
            x += run.len();
        }
    }
    Ok(Drawing { side: size + 2 * QUIET_ZONE, path })
}

impl Drawing {
    /// A picture of its own, black on white.
    pub(crate) fn to_svg(&self) -> String {
        let Self { side, path } = self;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
             <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_of_an_address_is_small() {
        let drawn = draw(&format!("https://pay.example.com/pay/{}", "x".repeat(71))).unwrap();
        assert_eq!(drawn.side, 41 + 2 * QUIET_ZONE);
        let svg = drawn.to_svg();
        assert!(svg.starts_with("<svg ") && svg.len() < 10_000, "{}", svg.len());
        assert!(draw(&"x".repeat(5000)).is_err());
    }
}
