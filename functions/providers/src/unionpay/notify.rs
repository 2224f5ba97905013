//! The form that a notify and the browser's return are, and when it is believed.

use bytes::Bytes;
use domain::Timestamp;
use http::Request;

use super::{sign::Fields, trust::Trust};
use crate::{NotifyError, error::words, form};

/// The fields of a notify, or of the browser's return, once its certificate and its signature hold.
pub(crate) fn verified(notify: &Request<Bytes>, trust: &Trust, now: Timestamp) -> Result<Fields, NotifyError> {
    let fields = form::parse(notify)?;
    // The encoding is looked at before the text is, so that the error names the reason and not what comes of it.
    let encoding = fields.get(b"encoding".as_slice());
    if let Some(encoding) = encoding.filter(|encoding| !encoding.eq_ignore_ascii_case(b"utf-8")) {
        let encoding = words(&String::from_utf8_lossy(encoding));
        return Err(NotifyError::malformed(format!("the encoding must be UTF-8, found {encoding}")));
    }
    let fields = Fields::new(form::text(fields)?);
    trust.verify(&fields, now)?;
    // What UnionPay answers to a query is signed by the same key. Its `respCode` is about the question, and a success for an unpaid
    // order, too; who came by such an answer must not be able to post it here.
    if fields.find("origRespCode").is_some() {
        return Err(NotifyError::malformed("it is the answer to a query"));
    }
    Ok(fields)
}
