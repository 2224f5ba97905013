//! The console's own style, scripts and icon. They are compiled in and named by a hash of their content; browsers keep them for a year.

use std::sync::OnceLock;

use bytes::Bytes;
use http::{HeaderValue, header};
use ring::digest::{SHA256, digest};
use runtime::Reply;

/// A file that pages load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asset {
    Style,
    Script,
    /// The script of the export page only.
    ExportScript,
    Icon,
}

/// Content, extension and type, in the order of [`Asset`].
const ASSETS: [(Asset, &str, &str, &str); 4] = [
    (Asset::Style, include_str!("../../assets/console.css"), "css", "text/css; charset=utf-8"),
    (Asset::Script, include_str!("../../assets/console.js"), "js", SCRIPT_TYPE),
    (Asset::ExportScript, include_str!("../../assets/export.js"), "js", SCRIPT_TYPE),
    (Asset::Icon, include_str!("../../assets/icon.svg"), "svg", "image/svg+xml"),
];
const SCRIPT_TYPE: &str = "text/javascript; charset=utf-8";

/// The icon that browsers ask for although no page names it.
const FAVICON: &str = "/favicon.ico";

fn paths() -> &'static [(Asset, String)] {
    static PATHS: OnceLock<Vec<(Asset, String)>> = OnceLock::new();
    let path = |(asset, content, extension, _): &(Asset, &str, &str, &str)| (*asset, path(content, extension));
    PATHS.get_or_init(|| ASSETS.iter().map(path).collect())
}

/// The path of an asset.
pub(crate) fn path_of(asset: Asset) -> &'static str {
    paths().iter().find(|(one, _)| *one == asset).map_or("", |(_, path)| path)
}

/// Whether a path belongs to the console although it does not begin with `/console`.
pub(crate) fn is_icon(path: &str) -> bool {
    path == FAVICON
}

/// The asset at this path. `None` if the path is unknown, for example that of another version.
pub(crate) fn find(path: &str) -> Option<Reply> {
    let asset = if is_icon(path) { Asset::Icon } else { paths().iter().find(|(_, own)| own == path)?.0 };
    let (_, body, _, content_type) = ASSETS.iter().find(|(one, ..)| *one == asset)?;
    // The path of an icon does not change with its content, so browsers ask again after a day.
    let kept = if is_icon(path) { "public, max-age=86400" } else { "public, max-age=31536000, immutable" };
    let mut reply = Reply::new(Bytes::from_static(body.as_bytes()));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Some(reply)
}

fn path(content: &str, extension: &str) -> String {
    let hash = digest(&SHA256, content.as_bytes());
    let hex: String = hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("/console/assets/{hex}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_at_its_own_path() {
        for (asset, content, ..) in ASSETS {
            assert_eq!(find(path_of(asset)).unwrap().body().as_ref(), content.as_bytes());
        }
        assert!(find("/console/assets/0000000000000000.css").is_none());
        assert_eq!(find("/favicon.ico").unwrap().headers()[header::CONTENT_TYPE], "image/svg+xml");
    }
}
