//! A record: what a query answers about a transaction.

use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    AccountNumber, AppId, BillNum, Channel, Extras, Fen, Mode, Status, Timestamp, Transaction, TransactionId,
    TransactionKey, TryNumber,
};

/// What a query answers about a transaction, in the contract's words.
///
/// # Source
/// MaxPay manual, `POST /2.0/maxpay/records`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The transaction's id.
    pub id: TransactionId,
    /// Which of its channel's accounts it was charged on. It is not on the wire.
    pub account: AccountNumber,
    /// The merchant's order number.
    pub bill: BillNum,
    /// How it was charged.
    pub channel: Channel,
    /// Which of the bill's tries on this channel it is. It is not on the wire.
    pub try_number: TryNumber,
    /// When it was charged.
    pub created_at: Timestamp,
    /// When it was paid or closed.
    pub ended_at: Option<Timestamp>,
    /// The amount.
    pub fee: Fen,
    /// Where it stands.
    pub status: Status,
    /// How much went back so far.
    pub refunded: Option<Fen>,
    /// The merchant's own data.
    pub extras: Option<Extras>,
}

impl From<Transaction> for Record {
    fn from(transaction: Transaction) -> Self {
        Self {
            id: transaction.id,
            account: transaction.account,
            bill: transaction.key.bill,
            channel: transaction.key.channel,
            try_number: transaction.key.try_number,
            created_at: transaction.created_at,
            ended_at: transaction.ended_at,
            fee: transaction.fee,
            status: transaction.status,
            refunded: transaction.refunded,
            extras: transaction.extras,
        }
    }
}

impl Record {
    /// Its key, in the app and mode that it was read in.
    pub fn key(&self, app: &AppId, mode: Mode) -> TransactionKey {
        TransactionKey {
            app: app.clone(),
            mode,
            bill: self.bill.clone(),
            channel: self.channel,
            try_number: self.try_number,
        }
    }
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", self.id.as_str())?;
        map.serialize_entry("billNum", self.bill.as_str())?;
        map.serialize_entry("channel", self.channel.name())?;
        map.serialize_entry("createdTime", &self.created_at.ms())?;
        if let Some(ended_at) = self.ended_at {
            map.serialize_entry("endTime", &ended_at.ms())?;
        }
        map.serialize_entry("currency", "CNY")?;
        map.serialize_entry("money", &self.fee.to_string())?;
        map.serialize_entry("totalFee", &self.fee.get())?;
        if let Some(refunded) = self.refunded {
            map.serialize_entry("refundedFee", &refunded.get())?;
        }
        map.serialize_entry("status", self.status.name())?;
        if let Some(extras) = &self.extras {
            map.serialize_entry("extras", extras)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::tests::sample;

    #[test]
    fn the_json_is_the_contracts_and_extras_come_back_to_the_letter() {
        let mut transaction = sample(Status::Created);
        transaction.extras = Extras::parse(r#"{ "b":1.10, "a":12345678901234567890123 }"#);
        let json = serde_json::to_string(&Record::from(transaction)).unwrap();
        assert_eq!(
            json,
            r#"{"id":"01a208d05240070707070707","billNum":"112233","channel":"ali_web","createdTime":1795444200000,"#
                .to_owned()
                + r#""currency":"CNY","money":"¥ 99.00","totalFee":9900,"status":"created","#
                + r#""extras":{ "b":1.10, "a":12345678901234567890123 }}"#
        );
    }
}
