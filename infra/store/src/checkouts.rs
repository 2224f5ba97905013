//! Checkouts: one item beside the tries of its bill. A charge and a settlement read the tries alone, so that it costs them nothing.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    AppId, Author, BillNum, Channel, Checkout, CheckoutKey, CheckoutLocale, Extras, Fen, Mode, Subject, Transaction,
    WebUrl,
};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    conditions::is_written,
    items::Seen,
    schema::{CHECKOUT_SK, SK, TTL, TX_PREFIX, bill_pk},
    transactions::{read_fee, read_transaction},
};

/// As many as for the tries of a bill; deliveries and incidents lie between.
const PAGES_MAX: usize = 24;

/// How long a checkout is kept after its end: a payer who comes late is told that it is over, and where the shop is.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// A checkout as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCheckout {
    /// The checkout.
    pub checkout: Checkout,
    /// How often it was written. A change names the revision that it was decided on.
    pub revision: i64,
}

/// A bill with its checkout.
#[derive(Clone, Debug, Default)]
pub struct CheckoutBill {
    /// The checkout. `None` if none was made, or if it is gone already.
    pub kept: Option<KeptCheckout>,
    /// All tries of the bill.
    pub tries: Vec<Transaction>,
}

impl Store {
    /// A bill with its checkout, strongly consistent.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn load_checkout_bill(
        &self,
        app: &AppId,
        mode: Mode,
        bill: &BillNum,
    ) -> Result<CheckoutBill, StoreError> {
        self.checkout_bill(Seen::Now, app, mode, bill).await
    }

    /// The same as it was a moment ago, at half the price: for pages that ask again and again.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn glance_at_checkout_bill(
        &self,
        app: &AppId,
        mode: Mode,
        bill: &BillNum,
    ) -> Result<CheckoutBill, StoreError> {
        self.checkout_bill(Seen::AMomentAgo, app, mode, bill).await
    }

    async fn checkout_bill(
        &self,
        seen: Seen,
        app: &AppId,
        mode: Mode,
        bill: &BillNum,
    ) -> Result<CheckoutBill, StoreError> {
        let mut pages = self
            .dynamo
            .query()
            .table_name(&self.tables.transactions)
            .consistent_read(seen == Seen::Now)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", text(bill_pk(app, mode, bill)))
            .into_paginator()
            .send();
        let mut found = CheckoutBill::default();
        for _ in 0..PAGES_MAX {
            let Some(page) = pages.next().await else { return Ok(found) };
            for attributes in page.map_err(|error| StoreError::dynamo("query of a checkout", error))?.items() {
                let item = Item(attributes);
                let sk = item.text(SK)?;
                if sk == CHECKOUT_SK {
                    found.kept = Some(read_checkout(app, mode, bill, attributes)?);
                } else if sk.starts_with(TX_PREFIX) {
                    found.tries.push(read_transaction(attributes)?);
                }
            }
        }
        Err(StoreError::Item { key: bill_pk(app, mode, bill), attribute: "number of items" })
    }

    /// Writes a checkout in place of the one with the revision `before`, or as the first one. `false` if another caller was first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_checkout(&self, checkout: &Checkout, before: Option<i64>) -> Result<bool, StoreError> {
        let put = self
            .dynamo
            .put_item()
            .table_name(&self.tables.transactions)
            .set_item(Some(write_checkout(checkout, before.unwrap_or(0) + 1)));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(revision) => {
                put.condition_expression("rev = :before").expression_attribute_values(":before", number(revision))
            }
        };
        is_written(put.send().await, "keeping a checkout")
    }
}

fn write_checkout(checkout: &Checkout, revision: i64) -> Attributes {
    let CheckoutKey { app, mode, bill } = &checkout.key;
    let channels: Vec<AttributeValue> = checkout.channels.iter().map(|channel| text(channel.name())).collect();
    item(
        bill_pk(app, *mode, bill),
        CHECKOUT_SK.to_owned(),
        [
            ("rev", Some(number(revision))),
            ("fee", Some(number(checkout.fee.get()))),
            ("subject", Some(text(checkout.subject.as_str()))),
            ("extras", checkout.extras.as_ref().map(|extras| text(extras.as_json()))),
            ("return_url", Some(text(checkout.return_url.as_str()))),
            ("cancel_url", checkout.cancel_url.as_ref().map(|url| text(url.as_str()))),
            ("channels", (!channels.is_empty()).then_some(AttributeValue::L(channels))),
            ("locale", checkout.locale.map(|locale| text(locale.name()))),
            ("author", (checkout.author == Author::Server).then(|| text(AUTHOR_SERVER))),
            ("named_ms", Some(time(checkout.named_at))),
            ("expires_ms", Some(time(checkout.expires_at))),
            (TTL, Some(number(checkout.expires_at.plus(KEPT_FOR).seconds()))),
        ],
    )
}

const AUTHOR_SERVER: &str = "server";

fn read_checkout(app: &AppId, mode: Mode, bill: &BillNum, attributes: &Attributes) -> Result<KeptCheckout, StoreError> {
    let item = Item(attributes);
    let fee: Fen = read_fee(&item)?;
    Ok(KeptCheckout {
        revision: item.number("rev")?,
        checkout: Checkout {
            key: CheckoutKey { app: app.clone(), mode, bill: bill.clone() },
            fee,
            subject: item.parsed("subject", Subject::parse)?,
            extras: item.find_parsed("extras", Extras::parse_kept)?,
            return_url: item.parsed("return_url", WebUrl::parse)?,
            cancel_url: item.find_parsed("cancel_url", WebUrl::parse)?,
            channels: read_channels(&item)?,
            locale: item.find_parsed("locale", CheckoutLocale::find)?,
            author: if item.find_text("author") == Some(AUTHOR_SERVER) { Author::Server } else { Author::Client },
            named_at: item.time("named_ms")?,
            expires_at: item.time("expires_ms")?,
        },
    })
}

fn read_channels(item: &Item<'_>) -> Result<Vec<Channel>, StoreError> {
    let Some(value) = item.0.get("channels") else { return Ok(Vec::new()) };
    let wrong = || item.wrong("channels");
    let list = value.as_l().map_err(|_| wrong())?;
    list.iter().map(|name| name.as_s().ok().and_then(|name| Channel::find(name)).ok_or_else(wrong)).collect()
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;

    #[test]
    fn a_checkout_is_read_as_it_was_written() {
        let least = Checkout {
            key: CheckoutKey {
                app: AppId::parse("568a12086e912100017722e5").unwrap(),
                mode: Mode::Test,
                bill: BillNum::parse("112233").unwrap(),
            },
            fee: Fen::new(9900).unwrap(),
            subject: Subject::parse("茶").unwrap(),
            extras: None,
            return_url: WebUrl::parse("https://shop.example/back").unwrap(),
            cancel_url: None,
            channels: Vec::new(),
            locale: None,
            author: Author::Client,
            named_at: Timestamp::from_ms(1_795_444_200_000).unwrap(),
            expires_at: Timestamp::from_ms(1_795_444_207_000).unwrap(),
        };
        let most = Checkout {
            extras: Extras::parse(r#"{"a":1}"#),
            cancel_url: WebUrl::parse("https://shop.example/cart"),
            channels: vec![Channel::AliWap, Channel::WxJsapi],
            locale: Some(CheckoutLocale::En),
            author: Author::Server,
            ..least.clone()
        };
        for checkout in [least, most] {
            let CheckoutKey { app, mode, bill } = &checkout.key;
            let found = read_checkout(app, *mode, bill, &write_checkout(&checkout, 7)).unwrap();
            assert_eq!(found, KeptCheckout { checkout: checkout.clone(), revision: 7 });
        }
    }
}
