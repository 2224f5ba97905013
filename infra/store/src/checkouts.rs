//! Checkouts. A checkout is one item. It lies among the tries of its bill, so each read of the tries also gives the server's price.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    AppId, Author, BillNum, Channel, Checkout, CheckoutKey, CheckoutLocale, Extras, Fen, Mode, Subject, Timestamp,
    WebUrl,
};

use crate::{
    Store, StoreError,
    attributes::{Attributes, Item, item, number, text, time},
    conditions::is_written,
    schema::{CHECKOUT_SK, PK, SK, TTL, bill_pk},
    transactions::{AUTHOR_SERVER, read_fee},
};

/// How long a client's checkout is kept after its end: a payer who comes late is told that it is over, and where the shop is. A checkout of
/// the server is kept like a try, because its price goes on to bind clients.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

impl Store {
    /// Writes a checkout in place of its revision before, or as the first one. `false` if another caller was first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn keep_checkout(&self, checkout: &Checkout) -> Result<bool, StoreError> {
        let put = self.dynamo.put_item().table_name(&self.tables.transactions).set_item(Some(write_checkout(checkout)));
        let put = if checkout.revision == 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            let before = number(checkout.revision - 1);
            put.condition_expression("rev = :before").expression_attribute_values(":before", before)
        };
        is_written(put.send().await, "keeping a checkout")
    }

    /// Closes the checkout of a bill. A bill without a checkout stays as it is. A closed checkout keeps the time of its closing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn close_checkout(
        &self,
        app: &AppId,
        mode: Mode,
        bill: &BillNum,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let update = self
            .dynamo
            .update_item()
            .table_name(&self.tables.transactions)
            .key(PK, text(bill_pk(app, mode, bill)))
            .key(SK, text(CHECKOUT_SK))
            .update_expression(format!("SET {CLOSED_MS} = :now ADD rev :one"))
            .condition_expression(format!("attribute_exists(pk) AND attribute_not_exists({CLOSED_MS})"))
            .expression_attribute_values(":now", time(now))
            .expression_attribute_values(":one", number(1));
        is_written(update.send().await, "closing a checkout").map(|_| ())
    }
}

fn write_checkout(checkout: &Checkout) -> Attributes {
    let CheckoutKey { app, mode, bill } = &checkout.key;
    let channels: Vec<AttributeValue> = checkout.channels.iter().map(|channel| text(channel.name())).collect();
    item(
        bill_pk(app, *mode, bill),
        CHECKOUT_SK.to_owned(),
        [
            ("rev", Some(number(checkout.revision))),
            ("fee", Some(number(checkout.fee.get()))),
            ("subject", Some(text(checkout.subject.as_str()))),
            ("extras", checkout.extras.as_ref().map(|extras| text(extras.as_json()))),
            ("return_url", Some(text(checkout.return_url.as_str()))),
            ("cancel_url", checkout.cancel_url.as_ref().map(|url| text(url.as_str()))),
            ("channels", (!channels.is_empty()).then_some(AttributeValue::L(channels))),
            ("locale", checkout.locale.map(|locale| text(locale.name()))),
            ("author", (checkout.author == Author::Server).then(|| text(AUTHOR_SERVER))),
            ("named_ms", Some(time(checkout.named_at))),
            (CLOSED_MS, checkout.closed_at.map(time)),
            ("expires_ms", Some(time(checkout.expires_at))),
            (TTL, (checkout.author == Author::Client).then(|| number(checkout.expires_at.plus(KEPT_FOR).seconds()))),
        ],
    )
}

const CLOSED_MS: &str = "closed_ms";

/// Reads the checkout of a bill.
pub(crate) fn read_checkout(key: CheckoutKey, attributes: &Attributes) -> Result<Checkout, StoreError> {
    let item = Item(attributes);
    let fee: Fen = read_fee(&item)?;
    Ok(Checkout {
        key,
        fee,
        subject: item.parsed("subject", Subject::parse)?,
        extras: item.find_parsed("extras", Extras::parse_kept)?,
        return_url: item.parsed("return_url", WebUrl::parse)?,
        cancel_url: item.find_parsed("cancel_url", WebUrl::parse)?,
        channels: read_channels(&item)?,
        locale: item.find_parsed("locale", CheckoutLocale::find)?,
        author: if item.find_text("author") == Some(AUTHOR_SERVER) { Author::Server } else { Author::Client },
        named_at: item.time("named_ms")?,
        closed_at: item.find_time(CLOSED_MS)?,
        revision: item.number("rev")?,
        expires_at: item.time("expires_ms")?,
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
            closed_at: None,
            revision: 1,
            expires_at: Timestamp::from_ms(1_795_444_207_000).unwrap(),
        };
        let most = Checkout {
            extras: Extras::parse(r#"{"a":1}"#),
            cancel_url: WebUrl::parse("https://shop.example/cart"),
            channels: vec![Channel::AliWap, Channel::WxJsapi],
            locale: Some(CheckoutLocale::En),
            author: Author::Server,
            closed_at: Timestamp::from_ms(1_795_444_201_000).ok(),
            revision: 7,
            ..least.clone()
        };
        for checkout in [least, most] {
            let found = read_checkout(checkout.key.clone(), &write_checkout(&checkout)).unwrap();
            assert_eq!(found, checkout);
        }
    }
}
