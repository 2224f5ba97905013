//! A QR code as SVG.

use fast_qr::{ECL, QRBuilder};

/// The white border, in modules. Cameras do not read the code without it.
const QUIET_ZONE: usize = 4;

/// The picture of a text, dark on white also where the page is dark. Empty if the text is too long for a code.
pub(crate) fn svg(text: &str, label: &str) -> String {
    let Ok(code) = QRBuilder::new(text).ecl(ECL::M).build() else { return String::new() };
    let size = code.size.max(1);
    let dark = code.data.iter().take(size * size).enumerate().filter(|(_, module)| module.value());
    let path: String =
        dark.map(|(at, _)| format!("M{} {}h1v1h-1z", at % size + QUIET_ZONE, at / size + QUIET_ZONE)).collect();
    let side = size + 2 * QUIET_ZONE;
    format!(
        "<svg role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" shape-rendering=\"crispEdges\">\
         <path fill=\"#fff\" d=\"M0 0h{side}v{side}H0z\"/><path d=\"{path}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::svg;

    #[test]
    fn a_code_has_its_quiet_zone_and_a_text_that_is_too_long_has_no_code() {
        let code = svg("http://127.0.0.1:8787/simulator/alipay/cashier/1", "QR");
        assert!(
            code.starts_with("<svg role=\"img\" aria-label=\"QR\" viewBox=\"0 0 4") && code.contains("M4 4h1"),
            "{code}"
        );
        assert_eq!(svg(&"x".repeat(8_000), "QR"), "");
    }
}
