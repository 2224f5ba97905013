//! QR codes drawn with characters, dark on light whatever the colours of the terminal.

use fast_qr::{ECL, QRBuilder};

/// The quiet zone that the standard demands.
const QUIET_ZONE: usize = 4;

/// Black on white.
pub(crate) const BLACK_ON_WHITE: &str = "\x1b[30;107m";

/// Back to the terminal's own colours.
pub(crate) const OWN: &str = "\x1b[0m";

/// Draws the code of a text, two rows of modules a line. `None` if no code holds that much.
pub(crate) fn picture(text: &str) -> Option<String> {
    let code = QRBuilder::new(text).ecl(ECL::L).build().ok()?;
    let rows: Vec<Vec<bool>> = code
        .data
        .chunks(code.size)
        .take(code.size)
        .map(|row| row.iter().map(|module| module.value()).collect())
        .collect();
    let is_dark = |x: usize, y: usize| {
        let row = y.checked_sub(QUIET_ZONE).and_then(|y| rows.get(y));
        row.and_then(|row| row.get(x.checked_sub(QUIET_ZONE)?)).copied().unwrap_or_default()
    };
    let side = code.size + 2 * QUIET_ZONE;
    let line = |y: usize| {
        let signs = (0..side).map(|x| match (is_dark(x, y), is_dark(x, y + 1)) {
            (true, true) => '█',
            (true, false) => '▀',
            (false, true) => '▄',
            (false, false) => ' ',
        });
        format!("{BLACK_ON_WHITE}{}{OWN}", signs.collect::<String>())
    };
    Some((0..side).step_by(2).map(line).collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_quiet_zone_and_its_corner() {
        let picture = picture("https://pay.example/pay/1").unwrap();
        let lines: Vec<&str> =
            picture.lines().map(|line| line.trim_start_matches(BLACK_ON_WHITE).trim_end_matches(OWN)).collect();
        assert!(lines[..2].iter().all(|line| line.trim().is_empty()), "{picture}");
        assert!(lines[2].starts_with("    █▀▀▀▀▀█"), "{picture}");
        assert!(lines.iter().all(|line| line.chars().count() == lines[0].chars().count()), "{picture}");
    }

    #[test]
    fn what_no_code_holds_has_no_picture() {
        assert_eq!(picture(&"a".repeat(5000)), None);
    }
}
