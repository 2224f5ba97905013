//! The form in a notify and in the browser's return, and its verification.

use bytes::Bytes;
use domain::Timestamp;
use http::Request;

use super::{sign::Fields, trust::Trust};
use crate::{MessageProblem, NotifyError, form};

/// The fields of a notify or of the browser's return, after its certificate and its signature are verified.
pub(crate) fn verified(notify: &Request<Bytes>, trust: &Trust, now: Timestamp) -> Result<Fields, NotifyError> {
    let fields = Fields::read(form::parse(notify)?)?;
    trust.verify(&fields, now)?;
    // UnionPay's answers to queries are signed by the same key. Their `respCode` is about the question, and is a success for an
    // unpaid order, too. Somebody who has such an answer must not be able to post it here.
    if fields.find("origRespCode").is_some() {
        return Err(NotifyError::from(MessageProblem::AnswerToQuery));
    }
    Ok(fields)
}
