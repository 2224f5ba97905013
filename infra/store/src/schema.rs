//! Every item, its keys and what it is read by, on one screen.
//!
//! | table | item | pk | sk | index | read by |
//! |---|---|---|---|---|---|
//! | transactions | Transaction | `<app>#<mode>#<billNum>` | `TX#<channel>#<nn>` | `by_time`: `<app>#<mode>#<channel>#<status>[#<shard>]` / `<createdMs>#<id>`; `due` while unpaid, and once closed here alone: when the provider is asked next; once paid, while it carries its first delivery | charge, notify; records; sweep |
//! | transactions | Refund | same | `REFUND#<refundNum>` | `due` while pending or stuck; `by_time`: `<app>#<mode>#<channel>#refunds-<status>` / `<requestedMs>#<refundNum>`, and once it went back `...#refunds` / `<endedMs>#<refundNum>` | refunds, sweep; reconciliation; operators |
//! | transactions | Refund's number | `REFUND#<app>#<mode>#<refundNum>` | `REFUND` | | who knows a refund by its number only |
//! | transactions | What operators refunded on a day under a limit | `REFUNDS#<app>#<mode>` | `DAY#<day>` | | refunds of operators; gone after 30 days |
//! | transactions | Refund that waits for an owner's approval | same | `PROPOSED#<refundNum>` | | operators; gone after 30 days |
//! | transactions | Delivery | `<app>#<mode>#<billNum>` | `DELIVERY#<tx>#<event>[#<about>]#<webhook>` | `by_time` once an attempt failed: `<app>#<webhook>#<state>[#<shard>]` / `<createdMs>#<tx>#<event>[#<about>]`; `due` while it waits and its transaction does not carry it | deliver, sweep, operators |
//! | transactions | Checkout | same | `TX-CHECKOUT`; each read of the tries reads it, too | | checkout; charge, notify, refunds, for the server's price. A client's is gone 7 days after its end |
//! | transactions | Incident | same | `INCIDENT#<kind>#<hash of what is wrong, or of the hour>` | `by_time`: `<app>#<mode>#incident`, or `#forged` for what could not be verified / `<ms>#<sk>` | operators; gone after 90 days |
//! | transactions | An hour's forged messages | `FORGED#<app>#<mode>` | `<ms>` | | how many were kept and how many were not; gone after 90 days |
//! | transactions | Charges of public keys | `CLIENT#<app>#<mode>` | `CHARGES` | | charge, once in some charges: those of this minute, and how many bills are open at the most |
//! | transactions | Day | `RECONCILED#<app>#<mode>` | `<day>#<tab>[@<account>]` | `by_time` while it is owed and could not be compared: among the incidents; `due` once a person asked for it | sweep, operators; gone after 400 days |
//! | transactions | Difference | same | `<day>#<tab>#<tx>#<kind>#<refundNum>` | | operators; gone after 400 days |
//! | transactions | Through which day an account's days were written down | `OWED#<app>#<mode>` | `<tab>[@<account>]` | | sweep; gone 400 days after the last |
//! | transactions | A day's sums | `SUMS#<app>#<mode>` | `<day>` | | the overview; gone after 400 days |
//! | transactions | The alerts of an app, sent and waiting | `ALERT#<app>#<mode>` | `STATE` | | sweep, each minute while the app has alerts; operators |
//! | configuration | App | `APP#<app>` | `APP` | | everyone, with its channels and webhooks in one query |
//! | configuration | Channel | `APP#<app>` | `CHANNEL#<tab>#<mode>` | | |
//! | configuration | Account of before | `ACCOUNT#<app>` | `<tab>#<mode>#<nnnn>` | | notify, refunds and queries about a try of that account; operators; gone 430 days after it took its last charge |
//! | configuration | Form of before | `ACCOUNT#<app>` | `<tab>#<mode>#<nnnn>#FORM` | | notifies of orders made before an account changed its protocol; gone 16 days later |
//! | configuration | Look of an app's checkouts | `LOOK#<app>` | `LOOK` | | checkout, for each page; operators |
//! | configuration | Its logo | `LOOK#<app>` | `LOGO` | | checkout, for the logo alone |
//! | configuration | Verification file of WeChat's | `FILES` | `<name>` | | checkout, at the root of the domain; operators |
//! | configuration | Webhook | `APP#<app>` | `WEBHOOK#<id>` | | everyone; it notes the first test message that its target took. Once deleted, a marker without its target for 90 days: its deliveries are still listed |
//! | configuration | Target's health | `APP#<app>` | `TARGET#<webhook>` | | deliver; there only while the target fails or is late |
//! | configuration | Where an app's alerts go | `ALERTS` | `<app>` | | sweep, all of them each minute; operators |
//! | configuration | App's entry | `APPS` | `<app>` | | operators, to list the apps |
//! | configuration | Operator | `ADMIN` | `USER#<name>` | | each call of the console |
//! | configuration | Sign-ins that failed, and what was tried in a window | `ADMIN` | `SIGNIN#<slot>` | | the sign-in; gone within hours |
//! | configuration | Rules of the sign-in | `ADMIN` | `RULES` | | the console |
//! | configuration | Audit entry | `AUDIT#<yyyymm>` | `<ms>#<random>` | | owners, a month at a time |
//!
//! If a transaction's account is not the first of its channel, its sort key in `by_time` is `<createdMs>#<id>#<account>`. So the index has
//! the account without another attribute. A Channel's item is that of the account in use.
//!
//! Every item carries `v`, the version of its form. A new form gets a new number, and the old ones stay readable.

use domain::{
    AccountNumber, AppId, BillNum, Channel, DeliveryId, DeliveryState, Mode, RefundKey, RefundNum, RefundStatus, Shard,
    Status, Tab, TabMode, Timestamp, Transaction, TransactionId, TransactionKey, TryNumber, WebhookId, next_question,
};

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
pub(crate) const BY_TIME: &str = "by_time";
pub(crate) const BY_TIME_PK: &str = "by_time_pk";
pub(crate) const BY_TIME_SK: &str = "by_time_sk";
pub(crate) const DUE_PK: &str = "due_pk";
pub(crate) const DUE_MS: &str = "due_ms";
/// Of a paid transaction: the webhook of the delivery that the transaction's own `due` entry carries (`carried.rs`).
pub(crate) const CARRIES: &str = "carries";
/// Of a paid transaction: since when the sweep has to look at it once more, whatever its entry carries.
pub(crate) const LOOK_AGAIN: &str = "look_ms";
/// The mark by which a writer recognises its own claim of an item (`claims.rs`).
pub(crate) const CLAIM: &str = "claim";
/// Of an incident, a day and a difference: the code and the parameters of the sentence in `problem` ([`domain::Sentence::to_json`]). Its
/// name is that of a transaction's attribute, because `by_time` has that attribute, and the attributes of an existing index cannot be
/// changed.
pub(crate) const PROBLEM_SAID: &str = "extras";
/// Of an incident and a day: who dealt with it, when, and a note (`handled.rs`). Its name is that of a transaction's attribute, for the same
/// reason.
pub(crate) const HANDLED: &str = "status";
/// Of a closed transaction: why it was closed ([`domain::Transaction::closing`]). Its name is that of an incident's attribute, for the same
/// reason.
pub(crate) const CLOSING: &str = "kind";
/// Of a refund and an audit entry: the code and the parameters of the sentence in `failure` or `why`.
pub(crate) const FAILURE_SAID: &str = "failure_said";
pub(crate) const TTL: &str = "ttl";
pub(crate) const VERSION: &str = "v";

/// The form in which this version writes items.
pub(crate) const VERSION_WRITTEN: i64 = 1;

/// The number of partition keys of the `due` index. One key takes 1,000 writes a second, and a bill makes two, so 24 are enough for 10,000
/// bills a second. The sweep reads all of them each minute, which costs some cents a month.
pub(crate) const DUE_SHARDS: u32 = 24;

/// Begins the sort keys of what makes up a bill: its tries and its checkout.
pub(crate) const BILL_PREFIX: &str = "TX";
/// It lies behind the tries. Versions without checkouts read `TX#` alone, and do not see it.
pub(crate) const CHECKOUT_SK: &str = "TX-CHECKOUT";
pub(crate) const TX_PREFIX: &str = "TX#";
pub(crate) const REFUND_PREFIX: &str = "REFUND#";
pub(crate) const PROPOSED_PREFIX: &str = "PROPOSED#";
pub(crate) const INCIDENT_PREFIX: &str = "INCIDENT#";
pub(crate) const DELIVERY_PREFIX: &str = "DELIVERY#";
pub(crate) const CHANNEL_PREFIX: &str = "CHANNEL#";
pub(crate) const WEBHOOK_PREFIX: &str = "WEBHOOK#";
pub(crate) const TARGET_PREFIX: &str = "TARGET#";
pub(crate) const APP_SK: &str = "APP";
pub(crate) const CLIENT_CHARGES_SK: &str = "CHARGES";
pub(crate) const APPS_PK: &str = "APPS";
pub(crate) const FILES_PK: &str = "FILES";
pub(crate) const ALERTS_PK: &str = "ALERTS";
pub(crate) const ALERT_STATE_SK: &str = "STATE";
pub(crate) const LOOK_SK: &str = "LOOK";
pub(crate) const LOGO_SK: &str = "LOGO";
pub(crate) const ADMIN_PK: &str = "ADMIN";
pub(crate) const USER_PREFIX: &str = "USER#";

pub(crate) fn bill_pk(app: &AppId, mode: Mode, bill: &BillNum) -> String {
    format!("{app}#{mode}#{bill}")
}

pub(crate) fn transaction_pk(key: &TransactionKey) -> String {
    bill_pk(&key.app, key.mode, &key.bill)
}

pub(crate) fn transaction_sk(key: &TransactionKey) -> String {
    format!("{TX_PREFIX}{}#{}", key.channel, key.try_number)
}

/// Reads the keys of a transaction; `None` for the keys of another item.
pub(crate) fn parse_transaction_key(pk: &str, sk: &str) -> Option<TransactionKey> {
    let BillKey { app, mode, bill } = parse_bill_pk(pk)?;
    let (channel, try_number) = sk.strip_prefix(TX_PREFIX)?.split_once('#')?;
    let (channel, try_number) = (Channel::find(channel)?, TryNumber::parse(try_number)?);
    Some(TransactionKey { app, mode, bill, channel, try_number })
}

pub(crate) fn refund_sk(num: &RefundNum) -> String {
    format!("{REFUND_PREFIX}{num}")
}

/// Reads the keys of a refund; `None` for the keys of another item.
pub(crate) fn parse_refund_key(pk: &str, sk: &str) -> Option<RefundKey> {
    let BillKey { app, mode, bill } = parse_bill_pk(pk)?;
    Some(RefundKey { app, mode, bill, num: RefundNum::parse(sk.strip_prefix(REFUND_PREFIX)?)? })
}

/// The collection of a refund's number. No bill's key begins like this, because an app's id is hex.
pub(crate) fn refund_num_pk(app: &AppId, mode: Mode, num: &RefundNum) -> String {
    format!("{REFUND_PREFIX}{app}#{mode}#{num}")
}

/// The collection of what operators refunded under a limit. No bill's key begins like this, because an app's id is hex.
pub(crate) fn refund_limits_pk(app: &AppId, mode: Mode) -> String {
    format!("REFUNDS#{app}#{mode}")
}

/// The collection of an app's reconciliations. No bill's key begins like this, because an app's id is hex.
pub(crate) fn reconciliations_pk(app: &AppId, mode: Mode) -> String {
    format!("RECONCILED#{app}#{mode}")
}

/// The collection of the last days that were written down for an app's accounts. No bill's key begins like this, because an app's id is
/// hex.
pub(crate) fn owed_pk(app: &AppId, mode: Mode) -> String {
    format!("OWED#{app}#{mode}")
}

/// An app in one mode.
pub(crate) struct AppMode {
    pub(crate) app: AppId,
    pub(crate) mode: Mode,
}

/// Reads the partition key of a day; `None` for the key of another item.
pub(crate) fn parse_reconciliations_pk(pk: &str) -> Option<AppMode> {
    let (app, mode) = pk.strip_prefix("RECONCILED#")?.split_once('#')?;
    Some(AppMode { app: AppId::parse(app).ok()?, mode: Mode::find(mode)? })
}

/// The collection of an app's sums. No bill's key begins like this, because an app's id is hex.
pub(crate) fn sums_pk(app: &AppId, mode: Mode) -> String {
    format!("SUMS#{app}#{mode}")
}

/// The collection of an app's alerts. No bill's key begins like this, because an app's id is hex.
pub(crate) fn alert_state_pk(app: &AppId, mode: Mode) -> String {
    format!("ALERT#{app}#{mode}")
}

/// Names a bill, whose collection has its tries, refunds, deliveries and incidents.
struct BillKey {
    app: AppId,
    mode: Mode,
    bill: BillNum,
}

fn parse_bill_pk(pk: &str) -> Option<BillKey> {
    let mut parts = pk.splitn(3, '#');
    let (app, mode, bill) = (parts.next()?, parts.next()?, parts.next()?);
    Some(BillKey { app: AppId::parse(app).ok()?, mode: Mode::find(mode)?, bill: BillNum::parse(bill).ok()? })
}

pub(crate) fn by_time_pk(app: &AppId, mode: Mode, channel: Channel, status: Status, shard: Shard) -> String {
    in_shard(format!("{app}#{mode}#{channel}#{}", status.name()), shard)
}

/// The first shard has no number, so that apps with one shard have short keys.
fn in_shard(list: String, shard: Shard) -> String {
    if shard == Shard::FIRST { list } else { format!("{list}#{}", shard.number()) }
}

/// The shard in a key that [`by_time_pk`] wrote; `None` for another key.
pub(crate) fn parse_shard(by_time_pk: &str) -> Option<Shard> {
    match by_time_pk.split('#').nth(4) {
        None => Some(Shard::FIRST),
        Some(number) => Shard::new(number.parse().ok()?),
    }
}

pub(crate) fn by_time_sk(created_at: Timestamp, id: &TransactionId) -> String {
    format!("{}#{id}", by_time_ms(created_at))
}

/// A sign that sorts after every account that [`transaction_by_time_sk`] adds.
pub(crate) const SORTS_LAST: &str = "~";

/// The place of a transaction in the lists. The first account has no number, as in versions that did not count accounts.
pub(crate) fn transaction_by_time_sk(transaction: &Transaction) -> String {
    let place = by_time_sk(transaction.created_at, &transaction.id);
    if transaction.account == AccountNumber::FIRST { place } else { format!("{place}#{}", transaction.account) }
}

/// The account in a place that [`transaction_by_time_sk`] wrote; `None` for another text.
pub(crate) fn parse_account(by_time_sk: &str) -> Option<AccountNumber> {
    by_time_sk.split('#').nth(2).map_or(Some(AccountNumber::FIRST), AccountNumber::parse)
}

/// 15 digits are enough for the last possible moment, so texts sort in the order of time.
pub(crate) fn by_time_ms(moment: Timestamp) -> String {
    format!("{:015}", moment.ms())
}

/// The list of refunds that succeeded. No status has this name.
pub(crate) fn ended_refunds_pk(app: &AppId, mode: Mode, channel: Channel) -> String {
    format!("{app}#{mode}#{channel}#refunds")
}

/// The list of refunds in a status: of those that succeeded by the time of their end, of the others by that of their request.
pub(crate) fn refunds_pk(app: &AppId, mode: Mode, channel: Channel, status: RefundStatus) -> String {
    match status {
        RefundStatus::Success => ended_refunds_pk(app, mode, channel),
        RefundStatus::Pending | RefundStatus::Stuck | RefundStatus::Failed => {
            format!("{app}#{mode}#{channel}#refunds-{status}")
        }
    }
}

pub(crate) fn ended_refund_sk(ended_at: Timestamp, num: &RefundNum) -> String {
    format!("{}#{num}", by_time_ms(ended_at))
}

pub(crate) fn incidents_pk(app: &AppId, mode: Mode) -> String {
    format!("{app}#{mode}#incident")
}

/// The list of messages that could not be verified. It is apart from the verified ones, because anyone can send such messages.
pub(crate) fn forged_pk(app: &AppId, mode: Mode) -> String {
    format!("{app}#{mode}#forged")
}

/// The collection of the counts of messages that could not be verified. No bill's key begins like this, because an app's id is hex.
pub(crate) fn forged_counts_pk(app: &AppId, mode: Mode) -> String {
    format!("FORGED#{app}#{mode}")
}

/// The collection of what the client keys of an app did. No bill's key begins like this, because an app's id is hex.
pub(crate) fn client_charges_pk(app: &AppId, mode: Mode) -> String {
    format!("CLIENT#{app}#{mode}")
}

/// The key of the `due` index. The last digits of a transaction's id are random, and give its shard.
pub(crate) fn due_pk(id: &TransactionId) -> String {
    let digits = id.as_str().get(18..).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    due_shard_pk(digits.unwrap_or_default() % DUE_SHARDS)
}

pub(crate) fn due_shard_pk(shard: u32) -> String {
    format!("DUE#{shard}")
}

pub(crate) fn delivery_sk(id: &DeliveryId) -> String {
    format!("{DELIVERY_PREFIX}{}", id.name())
}

/// Reads the keys of a delivery; `None` for the keys of another item.
pub(crate) fn parse_delivery_key(pk: &str, sk: &str) -> Option<DeliveryId> {
    let BillKey { app, mode, bill } = parse_bill_pk(pk)?;
    DeliveryId::parse(app, mode, bill, sk.strip_prefix(DELIVERY_PREFIX)?)
}

pub(crate) fn deliveries_pk(app: &AppId, webhook: &WebhookId, state: DeliveryState, shard: Shard) -> String {
    in_shard(format!("{app}#{webhook}#{}", state.name()), shard)
}

pub(crate) fn delivery_by_time_sk(created_at: Timestamp, id: &DeliveryId) -> String {
    format!("{}#{}", by_time_ms(created_at), id.name())
}

pub(crate) fn app_pk(app: &AppId) -> String {
    format!("APP#{app}")
}

/// The collection of how an app's checkouts look. It is not the app's own, so that no other call reads it along.
pub(crate) fn look_pk(app: &AppId) -> String {
    format!("LOOK#{app}")
}

pub(crate) fn channel_sk(TabMode { tab, mode }: TabMode) -> String {
    format!("{CHANNEL_PREFIX}{tab}#{mode}")
}

pub(crate) fn parse_channel_sk(sk: &str) -> Option<TabMode> {
    let (tab, mode) = sk.strip_prefix(CHANNEL_PREFIX)?.split_once('#')?;
    Some(TabMode { tab: Tab::find(tab)?, mode: Mode::find(mode)? })
}

/// The collection of an app's accounts that take no new charges. It is apart from the app's own collection, so that reading an app does not
/// cost more.
pub(crate) fn accounts_pk(app: &AppId) -> String {
    format!("ACCOUNT#{app}")
}

pub(crate) fn accounts_prefix(TabMode { tab, mode }: TabMode) -> String {
    format!("{tab}#{mode}#")
}

pub(crate) fn account_sk(settings: TabMode, number: AccountNumber) -> String {
    format!("{}{:04}", accounts_prefix(settings), number.get())
}

/// What the sort key of an account says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountSk {
    pub(crate) settings: TabMode,
    pub(crate) number: AccountNumber,
}

/// Reads the key of an account; `None` for the key of another item.
pub(crate) fn parse_account_sk(sk: &str) -> Option<AccountSk> {
    let mut parts = sk.split('#');
    let settings = TabMode { tab: Tab::find(parts.next()?)?, mode: Mode::find(parts.next()?)? };
    let found = AccountSk { settings, number: AccountNumber::parse(parts.next()?)? };
    parts.next().is_none().then_some(found)
}

pub(crate) fn former_sk(settings: TabMode, number: AccountNumber) -> String {
    format!("{}#FORM", account_sk(settings, number))
}

pub(crate) fn target_sk(webhook: &WebhookId) -> String {
    format!("{TARGET_PREFIX}{webhook}")
}

pub(crate) fn webhook_sk(id: &WebhookId) -> String {
    format!("{WEBHOOK_PREFIX}{id}")
}

/// An entry in the `due` index.
pub(crate) struct DueEntry {
    /// Its partition key.
    pub(crate) pk: String,
    /// When it falls due.
    pub(crate) at: Timestamp,
}

/// The `due` entry of a new transaction, with the time of the first question to its provider; `None` if it is not open.
pub(crate) fn transaction_due(transaction: &Transaction) -> Option<DueEntry> {
    match transaction.status {
        Status::Created => {
            Some(DueEntry { pk: due_pk(&transaction.id), at: next_question(transaction, transaction.created_at) })
        }
        Status::Success | Status::Refund | Status::Closed => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_goes_round() {
        let app = AppId::parse("568a12086e912100017722e5").unwrap();
        for number in [0, 1, 23, 63] {
            let shard = Shard::new(number).unwrap();
            let key = by_time_pk(&app, Mode::Live, Channel::AliWeb, Status::Created, shard);
            assert_eq!(parse_shard(&key), Some(shard), "{key}");
        }
        assert_eq!(parse_shard("568a12086e912100017722e5#live#ali_web#created#64"), None);
    }

    #[test]
    fn a_place_tells_of_every_account_but_the_first() {
        for (number, parts) in [(1, 2), (2, 3), (9999, 3)] {
            let account = AccountNumber::new(number).unwrap();
            let id = TransactionId::parse("01a208d0524f0f0f0f0f0f0f").unwrap();
            let place = match number {
                1 => by_time_sk(Timestamp::clamped(7), &id),
                _ => format!("{}#{account}", by_time_sk(Timestamp::clamped(7), &id)),
            };
            assert_eq!((parse_account(&place), place.split('#').count()), (Some(account), parts));
            let settings = TabMode { tab: Tab::WxMp, mode: Mode::Live };
            let key = AccountSk { settings, number: account };
            assert_eq!(parse_account_sk(&account_sk(settings, account)), Some(key));
            assert_eq!(parse_account_sk(&former_sk(settings, account)), None);
        }
    }

    #[test]
    fn a_transaction_key_goes_round_whatever_the_bill_is_called() {
        for bill in ["112233", "a#b#c", "TX#ali_web#01", "单号 1"] {
            let key = TransactionKey {
                app: AppId::parse("568a12086e912100017722e5").unwrap(),
                mode: Mode::Live,
                bill: BillNum::parse(bill).unwrap(),
                channel: Channel::AliWeb,
                try_number: TryNumber::FIRST,
            };
            assert_eq!(parse_transaction_key(&transaction_pk(&key), &transaction_sk(&key)), Some(key));
        }
        assert_eq!(parse_transaction_key("568a12086e912100017722e5#live", "TX#ali_web#01"), None);
        assert_eq!(parse_transaction_key("568a12086e912100017722e5#live#1", "DELIVERY#x"), None);
    }
}
