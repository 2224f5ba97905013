//! What really happened, as payers, merchants and webhooks know it. The ledger never reads our store.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Channel, Family};

/// For at most this many transactions a webhook may fail permanently.
const CHOKES_MAX: usize = 3;

/// The model ledger of one world.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// By the transaction's id.
    orders: BTreeMap<String, Order>,
    hooks: Vec<Hook>,
    arrivals: Vec<Arrival>,
    /// Whether a webhook fails permanently for a transaction; the key is webhook and transaction.
    chokes: BTreeMap<(usize, String), bool>,
    /// The addresses at which notifies arrived.
    notified: BTreeSet<String>,
    /// The state of each of our rows when it was last written.
    pub(crate) rows: BTreeMap<(String, String), Row>,
    /// Refunds that the payer's bank does not accept: the transaction, and the refund's number at the provider.
    pub(crate) abnormal: Vec<(String, String)>,
    /// What was refunded in a provider's console, in fen, by the transaction's id.
    pub(crate) portal: BTreeMap<String, i64>,
    /// Transactions with such a refund that only the provider's bill of the day reports.
    pub(crate) untold: BTreeSet<String>,
    /// A provider's answer to a question, and when it was given.
    pub(crate) answers: BTreeMap<String, (i64, http::Response<bytes::Bytes>)>,
    /// The merchants with an empty balance: the provider, and its merchant.
    pub(crate) empty: BTreeSet<(String, String)>,
    pub(crate) tally: BTreeMap<&'static str, u64>,
}

/// An order that was handed to a payer.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) bill: String,
    pub(crate) channel: Channel,
    pub(crate) fee: i64,
    /// A payer began to pay it. Only the provider knows whether it took the money.
    pub(crate) is_begun: bool,
}

/// A merchant's webhook.
#[derive(Clone, Debug)]
pub(crate) struct Hook {
    /// The id in our API. `None` if the answer to its creation was lost.
    pub(crate) id: Option<String>,
    /// It never answers correctly.
    pub(crate) is_dead: bool,
    /// It subscribed to payments.
    pub(crate) hears_payments: bool,
    /// It is down until this time.
    pub(crate) down_until_ms: i64,
    /// From this time on it certainly exists.
    pub(crate) made_ms: i64,
    /// From this time on it may be deleted.
    pub(crate) gone_ms: Option<i64>,
}

/// A message that a target received.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) hook: usize,
    pub(crate) transaction: String,
    pub(crate) event: String,
}

/// The values of a row that must never go back.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) status: String,
    pub(crate) refunded: i64,
    pub(crate) attempt: i64,
    pub(crate) id: String,
    pub(crate) fee: i64,
}

/// The simulator of the channel's provider, and the word for an order in the simulator's control API.
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

    /// Whether this webhook fails permanently for this transaction. `drawn` decides it the first time. A webhook fails so for few
    /// transactions: after a hundred failures in a row it would be paused.
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

    /// The address of the notifies of another bill, if there is one.
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
