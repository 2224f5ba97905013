//! What really happened, as payers, merchants and webhooks know it. It never asks our store.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Channel, Family};

/// On so many transactions a hook may choke.
const CHOKES_MAX: usize = 3;

/// The model of one world.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By the transaction's id.
    orders: BTreeMap<String, Order>,
    hooks: Vec<Hook>,
    arrivals: Vec<Arrival>,
    /// Whether a hook fails for good at what concerns a transaction, by both.
    chokes: BTreeMap<(usize, String), bool>,
    /// The addresses at which notifies arrived.
    notified: BTreeSet<String>,
    /// What was seen of each row of ours the last time it was written.
    pub(crate) rows: BTreeMap<(String, String), Row>,
    /// Refunds that a payer's bank does not take: the transaction, and the refund's number at the provider.
    pub(crate) abnormal: Vec<(String, String)>,
    /// What was sent back in a provider's console, in fen, by the transaction's id.
    pub(crate) portal: BTreeMap<String, i64>,
    /// Whose provider told nobody of that: only its bill of the day does.
    pub(crate) untold: BTreeSet<String>,
    /// What a provider answered to a question: when, and what.
    pub(crate) answers: BTreeMap<String, (i64, http::Response<bytes::Bytes>)>,
    /// Whose balance is empty: the provider, and its merchant.
    pub(crate) empty: BTreeSet<(String, String)>,
    pub(crate) tally: BTreeMap<&'static str, u64>,
}

/// An order that somebody was handed.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) bill: String,
    pub(crate) channel: Channel,
    pub(crate) fee: i64,
    /// A payer began to pay it; whether the provider took the money, the provider knows.
    pub(crate) is_begun: bool,
}

/// A merchant's webhook.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    /// As our API calls it; unknown where its answer was lost.
    pub(crate) id: Option<String>,
    /// It never answers as it should.
    pub(crate) is_dead: bool,
    /// It asked to hear of payments.
    pub(crate) hears_payments: bool,
    /// It is down until then.
    pub(crate) down_until_ms: i64,
    /// From when it is there for certain.
    pub(crate) made_ms: i64,
    /// From when it may be gone.
    pub(crate) gone_ms: Option<i64>,
}

/// A message that a target took.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) hook: usize,
    pub(crate) transaction: String,
    pub(crate) event: String,
}

/// What must never go back in a row.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) status: String,
    pub(crate) refunded: i64,
    pub(crate) attempt: i64,
    pub(crate) id: String,
    pub(crate) fee: i64,
}

/// The provider behind a channel, as its simulator is called, and what its door calls an order.
pub(crate) fn provider_of(channel: Channel) -> (&'static str, &'static str) {
    match channel.family() {
        Family::Ali => ("alipay", "trades"),
        Family::Wx => ("wechat", "trades"),
        Family::Unipay => ("unionpay", "orders"),
    }
}

impl Ledger {
    pub(crate) fn handed(&mut self, id: &str, order: Order) {
        self.orders.entry(id.to_owned()).or_insert(order);
    }

    pub(crate) fn begin_to_pay(&mut self, id: &str) {
        if let Some(order) = self.orders.get_mut(id) {
            order.is_begun = true;
        }
    }

    pub(crate) fn order(&self, id: &str) -> Option<&Order> {
        self.orders.get(id)
    }

    pub(crate) fn orders(&self) -> Vec<(String, Order)> {
        self.orders.iter().map(|(id, order)| (id.clone(), order.clone())).collect()
    }

    pub(crate) fn add_hook(&mut self, hook: Hook) -> usize {
        self.hooks.push(hook);
        self.hooks.len() - 1
    }

    pub(crate) fn hook(&self, number: usize) -> Option<&Hook> {
        self.hooks.get(number)
    }

    pub(crate) fn hook_mut(&mut self, number: usize) -> Option<&mut Hook> {
        self.hooks.get_mut(number)
    }

    pub(crate) fn hooks(&self) -> Vec<Hook> {
        self.hooks.clone()
    }

    pub(crate) fn arrived(&mut self, arrival: Arrival) {
        self.arrivals.push(arrival);
    }

    /// Whether this hook fails for good at what concerns this transaction. `drawn` decides it the first time. A hook chokes on few transactions:
    /// at a hundred failures in a row it would be paused.
    pub(crate) fn chokes(&mut self, hook: usize, transaction: &str, drawn: bool) -> bool {
        let others = self.chokes.iter().filter(|((other, _), chokes)| *other == hook && **chokes).count();
        *self.chokes.entry((hook, transaction.to_owned())).or_insert(drawn && others < CHOKES_MAX)
    }

    pub(crate) fn arrivals(&self) -> &[Arrival] {
        &self.arrivals
    }

    pub(crate) fn heard_notify(&mut self, path: &str) {
        self.notified.insert(path.to_owned());
    }

    /// The address of another bill's notifies, if there was one.
    pub(crate) fn other_notify(&self, path: &str) -> Option<String> {
        self.notified.iter().find(|other| *other != path).cloned()
    }

    pub(crate) fn tell(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub(crate) fn tallies(&self) -> BTreeMap<&'static str, u64> {
        self.tally.clone()
    }
}
