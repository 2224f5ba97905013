//! The values in the segments of a path.

use domain::{AccountNumber, AppId, Day, OperatorName, Tab, TransactionId, WebhookId};

use crate::api::problem::Problem;

/// A day of an account, as a path names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedDay {
    pub(crate) day: Day,
    pub(crate) tab: Tab,
    pub(crate) account: AccountNumber,
}

/// The segments of a path, found by the names in its template.
pub(super) struct Named<'a> {
    pub(super) template: &'static str,
    pub(super) path: &'a str,
}

impl Named<'_> {
    /// The segment with this name. Empty if the template has no such name; an empty id is found nowhere.
    pub(super) fn text(&self, name: &str) -> String {
        let mut pairs = self.template.split('/').zip(self.path.split('/'));
        pairs.find(|(known, _)| *known == name).map(|(_, found)| found.to_owned()).unwrap_or_default()
    }

    pub(super) fn app(&self) -> Result<AppId, Problem> {
        AppId::parse(&self.text("{appId}")).map_err(|_| Problem::not_found("app"))
    }

    pub(super) fn tab(&self) -> Result<Tab, Problem> {
        Tab::find(&self.text("{tab}")).ok_or_else(|| Problem::not_found("channel tab"))
    }

    pub(super) fn day(&self) -> Result<NamedDay, Problem> {
        let day = Day::parse(&self.text("{day}")).ok_or_else(|| Problem::not_found("day"))?;
        Ok(NamedDay { day, tab: self.tab()?, account: self.account()? })
    }

    pub(super) fn account(&self) -> Result<AccountNumber, Problem> {
        AccountNumber::parse(&self.text("{account}")).ok_or_else(|| Problem::not_found("account"))
    }

    pub(super) fn transaction(&self) -> Result<TransactionId, Problem> {
        TransactionId::parse(&self.text("{id}")).map_err(|_| Problem::not_found("transaction"))
    }

    pub(super) fn webhook(&self) -> Result<WebhookId, Problem> {
        WebhookId::parse(&self.text("{webhookId}")).map_err(|_| Problem::not_found("webhook"))
    }

    pub(super) fn operator(&self) -> Result<OperatorName, Problem> {
        OperatorName::parse(&self.text("{name}")).ok_or_else(|| Problem::not_found("operator"))
    }
}
