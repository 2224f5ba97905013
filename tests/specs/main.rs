//! The specification of the system, through its front door: HTTP.
//!
//! Each test starts a world of its own (the whole stack in this process, on a clock that stands still) and reads like
//! the sentence it is named by. With `MAXPAY_TEST_DYNAMODB` set to the address of AWS's DynamoDB Local the same specs
//! run on that. Nothing here looks into the database or calls a function of the code under test.

#[cfg(test)]
mod addresses;
#[cfg(test)]
mod answer;
#[cfg(test)]
mod bills;
#[cfg(test)]
mod channel_settings;
#[cfg(test)]
mod charge;
#[cfg(test)]
mod credentials;
mod duplicates;
#[cfg(test)]
mod events;
#[cfg(test)]
mod input;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod notify;
#[cfg(test)]
mod notify_message;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod provider_trouble;
#[cfg(test)]
mod query;
#[cfg(test)]
mod query_input;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod sessions;
#[cfg(test)]
mod stack;
#[cfg(test)]
mod webhooks;
#[cfg(test)]
mod world;
