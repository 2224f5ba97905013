//! The legacy gateway (MAPI): services instead of methods, MD5 or RSA with SHA-1, answers in XML.

pub(super) mod gateway;
pub(super) mod message;
mod order;

/// An error code of the legacy gateway with an explanation for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MapiRefusal {
    pub(super) error: &'static str,
    pub(super) why: String,
}

fn refuse(error: &'static str, why: impl Into<String>) -> MapiRefusal {
    MapiRefusal { error, why: why.into() }
}

fn illegal_argument(name: &str, why: &str) -> MapiRefusal {
    refuse("ILLEGAL_ARGUMENT", format!("{name} {why}"))
}
