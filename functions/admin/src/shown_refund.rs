//! A refund in the form that the back office and the operator API share.

use domain::Refund;
use serde::{Serialize, Serializer, ser::SerializeMap};

/// A refund as an answer shows it: one JSON object.
pub(crate) struct ShownRefund<'a>(pub(crate) &'a Refund);

impl Serialize for ShownRefund<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let refund = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("refundNum", refund.num.as_str())?;
        map.serialize_entry("billNum", refund.key.bill.as_str())?;
        map.serialize_entry("id", refund.transaction.as_str())?;
        map.serialize_entry("channel", refund.key.channel.name())?;
        map.serialize_entry("refundFee", &refund.fee.get())?;
        map.serialize_entry("status", refund.status.name())?;
        map.serialize_entry("createdTime", &refund.requested_at.ms())?;
        if let Some(ended_at) = refund.ended_at {
            map.serialize_entry("endTime", &ended_at.ms())?;
        }
        if let Some(reason) = &refund.reason {
            map.serialize_entry("reason", reason)?;
        }
        if let Some(failure) = &refund.failure {
            map.serialize_entry("failure", &failure.text)?;
        }
        map.end()
    }
}
