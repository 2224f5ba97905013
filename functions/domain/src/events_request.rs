//! Events that a merchant fetches: `/events` and `/events/ack` under `/2.0/maxpay`, parsed at the door.

use crate::{
    AppId, DeliveryId, ListCursor, Mode, RequestError, WebhookId,
    fields::{Fields, shortened, text},
};

/// `POST /2.0/maxpay/events`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsRequest {
    /// Of which webhook. Needed only if the app has several whose events are fetched.
    pub webhook: Option<WebhookId>,
    /// Where the page before ended. `None` begins with the oldest event.
    pub cursor: Option<ListCursor>,
}

impl EventsRequest {
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let mut fields = Fields::parse(body)?;
        let webhook =
            fields.optional("webhook", "the id of a webhook, 24 hex digits", |raw| WebhookId::parse(&text(raw)?).ok());
        let expected = "the cursor of the page before";
        let cursor = fields.optional("cursor", expected, |raw| ListCursor::parse(&text(raw)?).ok());
        fields.problem().map_or(Ok(Self { webhook, cursor }), Err)
    }
}

/// `POST /2.0/maxpay/events/ack`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcknowledgeRequest {
    /// Which events, each once.
    pub events: Vec<DeliveryId>,
}

impl AcknowledgeRequest {
    /// A page of events.
    pub const IDS_MAX: usize = 50;

    /// The ids are those of the caller's app and mode.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8], app: &AppId, mode: Mode) -> Result<Self, RequestError> {
        let mut fields = Fields::parse(body)?;
        let expected = "a list of 1 to 50 ids of events of the key's mode, as /events gave them";
        let ids = fields.required("ids", expected, |raw| {
            let ids: Vec<String> = serde_json::from_str(raw).ok()?;
            (1..=Self::IDS_MAX).contains(&ids.len()).then_some(ids)
        });
        let Some(ids) = ids else {
            return Err(fields.problem().unwrap_or(RequestError::Missing { field: "ids", expected }));
        };
        let mut events = Vec::new();
        for id in ids {
            let event = DeliveryId::from_token(app, &id).filter(|event| event.mode == mode);
            let found = || RequestError::Invalid { field: "ids", expected, found: shortened(&id) };
            events.push(event.ok_or_else(found)?);
        }
        events.sort();
        events.dedup();
        Ok(Self { events })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BillNum, Event, TransactionId};

    const APP: &str = "01a208d05240080808080808";

    fn token(mode: Mode) -> String {
        let event = DeliveryId {
            app: AppId::parse(APP).unwrap(),
            mode,
            bill: BillNum::parse("茶 1").unwrap(),
            transaction: TransactionId::parse(APP).unwrap(),
            event: Event::PaymentSuccess,
            about: String::new(),
            webhook: WebhookId::parse(APP).unwrap(),
        };
        event.to_token()
    }

    #[test]
    #[rustfmt::skip]
    fn each_wrong_field_of_a_page_is_named() {
        const CASES: &[(&str, &str)] = &[
            ("[]",                  "the body must be one JSON object"),
            (r#"{"webhook":7}"#,    "webhook must be the id of a webhook"),
            (r#"{"webhook":"x"}"#,  "webhook must be the id of a webhook"),
            (r#"{"cursor":7}"#,     "cursor must be the cursor of the page before"),
        ];
        for (body, expect) in CASES {
            let error = EventsRequest::parse(body.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        }
        let all = EventsRequest { webhook: None, cursor: None };
        assert_eq!(EventsRequest::parse(br#"{"webhook":null,"cursor":null,"other":1}"#).unwrap(), all);
    }

    #[test]
    fn only_events_of_the_keys_mode_are_acknowledged() {
        let app = AppId::parse(APP).unwrap();
        let parse = |body: String| AcknowledgeRequest::parse(body.as_bytes(), &app, Mode::Test);
        let (ours, live) = (token(Mode::Test), token(Mode::Live));
        assert_eq!(parse(format!(r#"{{"ids":["{ours}","{ours}"]}}"#)).unwrap().events.len(), 1);
        let many = vec![format!(r#""{ours}""#); AcknowledgeRequest::IDS_MAX + 1].join(",");
        for ids in [String::new(), "7".to_owned(), r#""x""#.to_owned(), format!(r#""{ours}","{live}""#), many] {
            let error = parse(format!(r#"{{"ids":[{ids}]}}"#)).unwrap_err().to_string();
            assert!(error.starts_with("ids must be a list of 1 to 50 ids"), "{error}");
        }
        assert!(parse("{}".to_owned()).unwrap_err().to_string().starts_with("ids is required: a list"));
    }
}
