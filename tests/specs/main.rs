//! The specification of the system, through its front door: HTTP.
//!
//! Each test starts a world of its own (the whole stack in this process, on a clock that stands still) and reads like
//! the sentence it is named by. With `MAXPAY_TEST_DYNAMODB` set to the address of AWS's DynamoDB Local the same specs
//! run on that. Nothing here looks into the database or calls a function of the code under test.

#![cfg(test)]

mod accounts;
mod addresses;
mod agreement;
mod answer;
mod bills;
mod bootstraps;
mod bounds;
mod carried;
mod certificates;
mod channel_check;
mod channel_settings;
mod channels;
mod charge;
mod charsets;
mod client_bounds;
mod closed;
mod console;
mod console_pages;
mod contract;
mod cors;
mod crashes;
mod credentials;
mod deliveries;
mod duplicates;
mod events;
mod healing;
mod incidents;
mod input;
mod kept;
mod keys;
mod lanes;
mod logs;
mod lost_answers;
mod masks;
mod metrics;
mod notify;
mod notify_message;
mod notify_states;
mod odd_servers;
mod openapi;
mod operator;
mod operator_transactions;
mod operators;
mod original_clients;
mod owed;
mod paging;
mod payers;
mod permissions;
mod prices;
mod provider_trouble;
mod query;
mod query_input;
mod reach;
mod readme;
mod reconciliation;
mod refund_trouble;
mod refunds;
mod second_factor;
mod secret_rotation;
mod secrets;
mod sessions;
mod shards;
mod sign_in;
mod stack;
mod sums;
mod told;
mod unionpay;
mod unionpay_again;
mod unionpay_days;
mod units;
mod unreadable;
mod upgrades;
mod webhook_functions;
mod webhook_operations;
mod webhook_trouble;
mod webhooks;
mod wechat;
mod who_may;
mod words;
mod world;
