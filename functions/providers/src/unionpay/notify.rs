//! The form that a notify and the browser's return are, and when it is believed.

use bytes::Bytes;
use domain::Timestamp;
use http::Request;

use super::{sign::Fields, trust::Trust};
use crate::{MessageProblem, NotifyError, form};

/// The fields of a notify, or of the browser's return, once its certificate and its signature hold.
pub(crate) fn verified(notify: &Request<Bytes>, trust: &Trust, now: Timestamp) -> Result<Fields, NotifyError> {
    let fields = Fields::read(form::parse(notify)?)?;
    trust.verify(&fields, now)?;
    // What UnionPay answers to a query is signed by the same key. Its `respCode` is about the question, and a success for an unpaid
    // order, too; who came by such an answer must not be able to post it here.
    if fields.find("origRespCode").is_some() {
        return Err(NotifyError::from(MessageProblem::AnswerToQuery));
    }
    Ok(fields)
}
