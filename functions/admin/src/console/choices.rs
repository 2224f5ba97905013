//! Choices that a page offers: as options of a form, or as links.

/// One choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// Its value in the form, or the address of its link.
    pub(crate) value: String,
    pub(crate) label: &'static str,
    pub(crate) is_chosen: bool,
}

/// A choice, if `chosen` is the value of the one that is chosen.
pub(crate) fn offer(value: &str, label: &'static str, chosen: &str) -> Offer {
    Offer { value: value.to_owned(), label, is_chosen: value == chosen }
}
