//! The rules of the business, as pure functions and types.
//!
//! Every other crate uses it, and it depends on none of them. It does no I/O, is not async, and reads no clock, no environment and no
//! random numbers: the time and random bytes are arguments.

mod account;
mod alert;
mod alert_rules;
mod alert_signature;
mod alert_state;
mod api_code;
mod app;
mod asking;
mod back_office;
mod bill;
mod channel;
mod charge_request;
mod checkout;
mod checkout_look;
mod checkout_request;
mod checkout_result;
mod checkout_token;
mod client_bounds;
mod closed_list;
mod day;
mod delivery;
mod details;
mod events_request;
mod fields;
mod handled;
mod ids;
mod incident_kind;
mod money;
mod notification;
mod openid_state;
mod operator;
mod payer_address;
mod price;
mod reconciliation;
mod record;
mod records_request;
mod refund;
mod reservation;
mod retry;
mod secret;
mod sentence;
mod session;
mod session_request;
mod settle;
mod shards;
mod sums;
mod target_health;
mod time;
mod transaction;
mod turnover;
mod unanswered;
mod webhook;
mod webhook_message;

pub use account::{AccountNumber, AppAccount, FORMER_FORM_READ, KnownAccount, Sameness, Succession, TabMode, succeed};
pub use alert::{
    Alert, AlertAddress, AlertCause, AlertFact, AlertKind, AlertLanguage, AlertSettings, AlertTarget, QuietHours,
};
pub use alert_rules::{FallenRate, Rate, USUAL_WEEKS, fallen_rate, stopped_payments};
pub use alert_signature::{dingtalk_signature, feishu_signature};
pub use alert_state::{AlertOutbox, AlertState, FoundAlerts, HandedAlerts, LastAlertAnswer};
pub use api_code::ApiCode;
pub use app::{App, Key, KeyKind, KeySet, RotatingKey, SignedClientKeyError, verify_signed_client_key};
pub use asking::{
    AskedAbout, AskedProvider, is_overdue, last_closed_question_again, next_closed_question, next_question,
};
pub use back_office::{CloseRequest, RefundRequest, RefundsRequest, SyncRequest};
pub use bill::{Author, TransactionKey, TryNumber};
pub use channel::{Channel, ChannelFilter, Family, Habit, Mode, Tab};
pub use charge_request::{ChargeForm, ChargeRequest, QrPayMode};
pub use checkout::{Checkout, CheckoutKey, CheckoutLocale, CheckoutState};
pub use checkout_look::{BrandColor, CheckoutLook, FrameOrigin, Logo, LogoKind, VerificationFile};
pub use checkout_request::{CheckoutForm, CheckoutRequest};
pub use checkout_result::{CheckoutResult, CheckoutResultStatus};
pub use checkout_token::{CheckoutClaims, CheckoutToken, InvalidCheckoutToken};
pub use client_bounds::ClientBounds;
pub use day::Day;
pub use delivery::{About, AttemptRecord, Delivery, DeliveryId, DeliveryState, OccurredEvent, deliveries};
pub use details::{Extras, PayerDigest, ProviderTradeNo, Subject, WebUrl};
pub use events_request::{AcknowledgeRequest, EventsRequest};
pub use fields::{JSON_DEPTH_MAX, RequestError, nests_within};
pub use handled::{Handled, HandledNote, HandledState};
pub use ids::{AlertTargetId, AppId, BillNum, InvalidId, ListCursor, TransactionId, WebhookId};
pub use incident_kind::IncidentKind;
pub use money::{Fen, InvalidFen, grouped};
pub use notification::{Claim, Mismatch, MismatchKind, Notification, Outcome, check};
pub use openid_state::OpenidState;
pub use operator::{Operator, OperatorName, OperatorRole, Reach, SecondFactor, sign_in_pause};
pub use payer_address::PayerAddress;
pub use price::{Bill, BillPayments, ServerPrice, is_current, judge_in_bill};
pub use reconciliation::{
    DayProblem, DayProblemKind, Difference, DifferenceKind, EndedRefund, KnownRefund, Listed, ListedRefund,
    TooManyLines, UnreadableLine, Window, is_payment_of, judge_listed, judge_listed_refund, missing_there,
};
pub use record::Record;
pub use records_request::{RecordsFilter, RecordsOrder, RecordsRequest, RecordsScope};
pub use refund::{
    FailedForReason, FailedRefunds, OtherFailures, PaymentChoice, ProposedRefund, Refund, RefundAllowance,
    RefundChange, RefundContradiction, RefundContradictionKind, RefundDecision, RefundFailure, RefundFailureKind,
    RefundKey, RefundNum, RefundPause, RefundRefusal, RefundRefusalKind, RefundSending, RefundStatement, RefundStatus,
    RefundVerdict, RefundWait, RefundWaiting, RefundWay, apply_refund_statement, choose_payment, failed_by_reason,
    give_up_refund, is_same_refund, next_refund_question, refund_waiting, refund_way, refundable, refundable_in_all,
    reserve_refund, sent_back_elsewhere,
};
pub use reservation::{Charging, NextTry, Reservation, outpriced, replace, reserve};
pub use retry::{ATTEMPTS_MAX, RETRY_WAITS, wait_after};
pub use secret::Secret;
pub use sentence::{AsItIs, AsItIsKind, Said, Sentence, SentenceParam, ToParam, camel_case, sentence_params};
pub use session::{SessionClaims, SessionToken, SessionTokenError};
pub use session_request::SessionRequest;
pub use settle::{Refusal, RefusalKind, Settlement, close, settle, withdraw};
pub use shards::{Shard, Shards};
pub use sums::{ClosingEntry, DaySums, SUMMED_DAYS_MAX, Sum, SumEntry, is_to_be_summed};
pub use target_health::{Lane, Pace, Paused, TargetHealth};
pub use time::{InvalidTimestamp, TimeSpan, Timestamp};
pub use transaction::{Closing, Judgement, RefundSums, Status, Transaction};
pub use turnover::{AccountingPeriod, Basis, ChargedPart, PaymentTimes, Turnover};
pub use unanswered::{Unanswered, UnansweredKind};
pub use webhook::{Event, PULLED_WITHIN, Webhook, WebhookTarget};
pub use webhook_message::{is_reserved_header, sample_body, standard_signatures, webhook_body};
