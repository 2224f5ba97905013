//! Forms as browsers send them: urlencoded, or multipart if files are uploaded.

use std::convert::Infallible;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::stream;
use http::header::CONTENT_TYPE;
use multer::{Constraints, Multipart, SizeLimit};
use runtime::Request;

use super::Trouble;

/// More than ten times the longest accepted form, in which every certificate of a channel is a file.
const BODY_BYTES_MAX: usize = 1024 * 1024;
const FIELDS_MAX: usize = 200;
/// The name of an upload field is the name of its text field with this suffix.
const FILE: &str = "_file";

/// The fields that were sent, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(Vec<(String, String)>);

impl Form {
    /// # Errors
    /// The form is too long, or is not a form.
    pub(crate) async fn read(request: &Request) -> Result<Self, Trouble> {
        if request.body().len() > BODY_BYTES_MAX {
            return Err(Trouble::TooLong);
        }
        let content_type =
            request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Ok(boundary) = multer::parse_boundary(content_type) {
            return read_multipart(request.body().clone(), boundary).await.map_err(|_| Trouble::Form);
        }
        let pairs = form_urlencoded::parse(request.body()).take(FIELDS_MAX);
        Ok(Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }

    /// A field as it was typed; empty if it is absent. Browsers send line ends as CR LF.
    pub(crate) fn raw(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| found == name).map_or("", |(_, value)| value)
    }

    /// A field without blanks at its ends.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.raw(name).trim()
    }

    /// Every value of a field that may occur several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(found, _)| found == name)
    }
}

/// A file counts as the text that could have been pasted instead: PEM as it is, anything else in base64.
async fn read_multipart(body: Bytes, boundary: String) -> multer::Result<Form> {
    let limit = SizeLimit::new().whole_stream(u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX));
    let body = stream::iter([Ok::<_, Infallible>(body)]);
    let mut multipart = Multipart::with_constraints(body, boundary, Constraints::new().size_limit(limit));
    let mut pairs: Vec<(String, String)> = Vec::new();
    for _ in 0..FIELDS_MAX {
        let Some(field) = multipart.next_field().await? else { break };
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await?;
        let Some(text_name) = name.strip_suffix(FILE) else {
            pairs.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            continue;
        };
        if bytes.is_empty() {
            continue;
        }
        let is_pem = |text: &&str| text.contains("-----BEGIN");
        let text =
            std::str::from_utf8(&bytes).ok().filter(is_pem).map_or_else(|| STANDARD.encode(&bytes), str::to_owned);
        // A file replaces the text that was typed in its field.
        pairs.retain(|(found, _)| found != text_name);
        pairs.push((text_name.to_owned(), text));
    }
    Ok(Form(pairs))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(content_type: &str, body: &[u8]) -> Result<Form, Trouble> {
        let request = http::Request::builder().header(CONTENT_TYPE, content_type);
        Form::read(&request.body(Bytes::copy_from_slice(body)).unwrap()).await
    }

    #[tokio::test]
    async fn a_form_is_read_whichever_way_it_comes() {
        let form = read("application/x-www-form-urlencoded", "a=1&b=%E8%8C%B6+x&a=2".as_bytes()).await.unwrap();
        assert_eq!((form.text("a"), form.text("b"), form.text("c")), ("1", "茶 x", ""));
        let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
            --x\r\nContent-Disposition: form-data; name=\"pem\"\r\n\r\nold\r\n\
            --x\r\nContent-Disposition: form-data; name=\"pem_file\"; filename=\"k.pem\"\r\n\r\n-----BEGIN X-----\r\n\
            --x\r\nContent-Disposition: form-data; name=\"pfx_file\"; filename=\"k.pfx\"\r\n\r\n\x00\xff\r\n\
            --x\r\nContent-Disposition: form-data; name=\"none\"\r\n\r\nkept\r\n\
            --x\r\nContent-Disposition: form-data; name=\"none_file\"; filename=\"\"\r\n\r\n\r\n--x--\r\n";
        let form = read("multipart/form-data; boundary=x", body).await.unwrap();
        assert_eq!((form.text("a"), form.text("pem"), form.text("pfx")), ("1", "-----BEGIN X-----", "AP8="));
        assert_eq!(form.text("none"), "kept");
    }

    #[tokio::test]
    async fn what_is_no_form_or_too_long_is_refused() {
        assert!(read("multipart/form-data; boundary=x", b"nonsense").await.is_err());
        assert!(
            read("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1")
                .await
                .is_err()
        );
        assert!(read("application/x-www-form-urlencoded", &vec![b'a'; BODY_BYTES_MAX + 1]).await.is_err());
    }
}
