//! Reads the logo that an operator uploads. Of an SVG only the drawing is kept: nothing that runs, and nothing that asks somebody else.
//! A browser shows a logo as a picture and would run nothing of it, but a person may open its address.

use domain::{Logo, LogoKind};
use svg_hush::Filter;

use super::wrong::Wrong;

/// Reads a file.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read_logo(file: &[u8]) -> Result<Logo, Wrong> {
    let too_large = Wrong::LogoTooLarge { bytes_max: Logo::BYTES_MAX };
    if file.len() > Logo::BYTES_MAX {
        return Err(too_large);
    }
    if file.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Ok(Logo { kind: LogoKind::Png, bytes: file.to_vec() });
    }
    let mut drawing = Vec::new();
    Filter::new().filter(&mut &*file, &mut drawing).map_err(|_| Wrong::LogoKind)?;
    if !drawing.windows(4).any(|part| part == b"<svg") {
        return Err(Wrong::LogoKind);
    }
    // A character may be longer when it is escaped.
    if drawing.len() > Logo::BYTES_MAX { Err(too_large) } else { Ok(Logo { kind: LogoKind::Svg, bytes: drawing }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(inside: &str) -> Result<String, Wrong> {
        let file = format!(
            "<?xml version=\"1.0\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" xmlns:xlink=\"http://www.w3.org/1999/xlink\">{inside}</svg>"
        );
        read_logo(file.as_bytes()).map(|logo| String::from_utf8(logo.bytes).unwrap().to_lowercase())
    }

    #[test]
    fn a_drawing_stays() {
        let drawing = "<defs><linearGradient id=\"g\"/></defs><path d=\"M0 0h1v1\" fill=\"url(#g)\" style=\"stroke: red\"/><use href=\"#a\"/>";
        let kept = svg(drawing).unwrap();
        for part in ["<lineargradient", "d=\"m0 0h1v1\"", "url(#g)", "stroke", "<use"] {
            assert!(kept.contains(part), "{part} in {kept}");
        }
        assert_eq!(read_logo(b"\x89PNG\r\n\x1a\nrest").unwrap().kind, LogoKind::Png);
    }

    #[test]
    fn what_runs_or_asks_somebody_else_goes() {
        for bad in [
            "<script>alert(1)</script>",
            "<x:script xmlns:x=\"http://www.w3.org/2000/svg\">alert(1)</x:script>",
            "<g onload=\"alert(1)\"/>",
            "<g onload = 'alert(1)'/>",
            "<a xlink:href=\"javascript:alert(1)\"><path/></a>",
            "<a href=\"&#106;avascript:alert(1)\"><path/></a>",
            "<use href=\"https://evil.example/x\"/>",
            "<image xlink:href=\"https://evil.example/x\"/>",
            "<style>@import 'https://evil.example/x'</style>",
            "<style>@\\69mport 'https://evil.example/x'</style>",
            "<path fill=\"url(https://evil.example/x)\"/>",
            "<path style=\"fill: u\\72l(https://evil.example/x)\"/>",
            "<foreignObject><body xmlns=\"http://www.w3.org/1999/xhtml\"><iframe src=\"https://evil.example/x\"/></body></foreignObject>",
            "<set attributeName=\"onload\" to=\"1\"/>",
        ] {
            if let Ok(kept) = svg(bad) {
                for word in
                    ["alert", "javascript", "onload", "import", "(https", "(\"https", "href=\"https", "src=", "\\72"]
                {
                    assert!(!kept.contains(word), "{bad}\n  is kept as {kept}");
                }
            }
        }
        let entity = b"<!DOCTYPE svg [<!ENTITY x \"<script>alert(1)</script>\">]><svg xmlns=\"http://www.w3.org/2000/svg\">&x;</svg>";
        if let Ok(kept) = read_logo(entity) {
            assert!(!String::from_utf8(kept.bytes).unwrap().contains("<script"));
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for bad in [&b""[..], b"GIF89a", b"<html></html>", b"\xff\xfe", b"<svg", b"text"] {
            assert_eq!(read_logo(bad), Err(Wrong::LogoKind), "{bad:?}");
        }
        let too_large = Wrong::LogoTooLarge { bytes_max: Logo::BYTES_MAX };
        assert_eq!(read_logo(&vec![b' '; Logo::BYTES_MAX + 1]), Err(too_large.clone()));
        // Entities in entities stay small or are refused.
        let bomb = "<!DOCTYPE svg [<!ENTITY a \"xxxxxxxxxx\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">\
                    <!ENTITY d \"&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;\"><!ENTITY e \"&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;\"><!ENTITY f \"&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;\">]>\
                    <svg xmlns=\"http://www.w3.org/2000/svg\"><text>&f;</text></svg>";
        if let Ok(kept) = read_logo(bomb.as_bytes()) {
            assert!(kept.bytes.len() <= Logo::BYTES_MAX);
        }
    }
}
