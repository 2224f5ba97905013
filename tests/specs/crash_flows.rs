//! The flows of money that the crash specs stop after each write.

#[derive(Clone, Copy, Debug)]
pub(crate) enum Flow {
    /// A charge that calls the provider.
    Charge,
    /// A notify of a payment.
    Notify,
    /// A notify that does not fit the bill.
    Misfit,
    /// A notify that cannot be verified.
    Forged,
    /// A partial refund.
    Refund,
    /// A refund whose first call was lost; the sweep continues it.
    LostRefund,
    /// A closing.
    Close,
    /// A lost notify, repaired by a sync.
    Sync,
    /// A lost notify, repaired by the sweep.
    Sweep,
    /// A bill that expired.
    Expiry,
    /// A second payment, which is refunded automatically.
    Duplicate,
    /// The notify of a refund made in the provider's console.
    Elsewhere,
    /// A bill that was closed here only, paid without a notify, and found by the sweep.
    ClosedPaid,
    /// A bill that was closed here only and opened at the provider; the sweep closes it there.
    ClosedOpened,
    /// The last question about a bill that was closed here only.
    ClosedLast,
    /// A second payment of a bill whose first payment was fully refunded.
    AfterRefund,
    /// A refund that the merchant's balance does not cover.
    Short,
    /// A refund that waited for the balance; the sweep continues it.
    ToppedUp,
    /// A refund that waited for the balance; a person gives it up.
    GiveUp,
    /// A refund that the payer's bank does not accept.
    Stuck,
    /// A stuck refund that succeeds later.
    Unstuck,
    /// Another payer's charge. It replaces the order that WeChat Pay binds to the first payer.
    SecondPayer,
    /// The server's charge at its own price. It replaces the client's open try.
    Reprice,
    /// The server's charge at its own price, after a client paid at another price.
    LatePrice,
    /// The server's checkout at its own price, after a client paid at another price.
    LateCheckout,
    /// The sweep's check of payments made before the server named another price.
    PriceLook,
    /// A client's payment at a price that is not the server's. It is refunded automatically.
    Mispriced,
}

pub(crate) const FLOWS: [Flow; 27] = [
    Flow::Charge,
    Flow::Notify,
    Flow::Misfit,
    Flow::Forged,
    Flow::Refund,
    Flow::LostRefund,
    Flow::Close,
    Flow::Sync,
    Flow::Sweep,
    Flow::Expiry,
    Flow::Duplicate,
    Flow::Elsewhere,
    Flow::ClosedPaid,
    Flow::ClosedOpened,
    Flow::ClosedLast,
    Flow::AfterRefund,
    Flow::Short,
    Flow::ToppedUp,
    Flow::GiveUp,
    Flow::Stuck,
    Flow::Unstuck,
    Flow::SecondPayer,
    Flow::Reprice,
    Flow::LatePrice,
    Flow::LateCheckout,
    Flow::PriceLook,
    Flow::Mispriced,
];
