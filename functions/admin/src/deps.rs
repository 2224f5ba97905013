//! What this function stands on.

use courier::Courier;
use runtime::Base;

/// What the operator API, the console and the back office need.
#[derive(Clone, Debug)]
pub struct Deps {
    /// Configuration, store and clock.
    pub base: Base,
    /// The door for what a provider says, and the way to it.
    pub settlement: settlement::Deps,
    /// The ways to merchants, for tests of their webhooks.
    pub courier: Courier,
}
