//! The common code of the simulators. Nothing here uses one of them.

pub(crate) mod answer;
pub(crate) mod balance;
pub(crate) mod beijing;
pub(crate) mod bill;
pub(crate) mod books;
pub(crate) mod bridge;
pub(crate) mod charset;
pub(crate) mod crypto;
pub(crate) mod fault;
pub(crate) mod form;
pub(crate) mod handed;
pub(crate) mod journal;
pub(crate) mod orders;
pub(crate) mod outbox;
pub(crate) mod owner;
pub(crate) mod page;
pub(crate) mod qr;
pub(crate) mod reply;
pub(crate) mod server;
pub(crate) mod strict;
pub(crate) mod wallet;
