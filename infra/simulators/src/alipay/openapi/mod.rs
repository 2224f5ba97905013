//! The open platform's side: `gateway.do`, its answers, and the messages it sends.

mod answer;
mod biz;
mod common;
pub(super) mod gateway;
pub(super) mod message;
mod operations;
mod order;

pub(super) use self::common::is_url;
pub(super) use self::order::timeout_express;

/// An error as Alipay words it: `code`, `sub_code` and `sub_msg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: Code,
    pub(super) sub_code: &'static str,
    pub(super) sub_msg: String,
}

/// The gateway's own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Busy,
    Unauthorised,
    Missing,
    Illegal,
    Business,
}

impl Code {
    pub(super) fn number(self) -> &'static str {
        match self {
            Self::Busy => "20000",
            Self::Unauthorised => "20001",
            Self::Missing => "40001",
            Self::Illegal => "40002",
            Self::Business => "40004",
        }
    }

    pub(super) fn msg(self) -> &'static str {
        match self {
            Self::Busy => "Service Currently Unavailable",
            Self::Unauthorised => "Insufficient Token Permissions",
            Self::Missing => "Missing Required Arguments",
            Self::Illegal => "Invalid Arguments",
            Self::Business => "Business Failed",
        }
    }
}

fn missing(sub_code: &'static str, sub_msg: impl Into<String>) -> Refusal {
    Refusal { code: Code::Missing, sub_code, sub_msg: sub_msg.into() }
}

fn illegal(sub_code: &'static str, sub_msg: impl Into<String>) -> Refusal {
    Refusal { code: Code::Illegal, sub_code, sub_msg: sub_msg.into() }
}

fn business(sub_code: &'static str, sub_msg: impl Into<String>) -> Refusal {
    Refusal { code: Code::Business, sub_code, sub_msg: sub_msg.into() }
}
