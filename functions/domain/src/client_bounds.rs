//! What the public keys of an app may do. A client key is in every page of the shop, so anyone can have it.

/// The bounds of all calls without the master key, for an app and each of its modes. `None` means no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientBounds {
    /// Charges in a minute of the clock.
    pub charges_per_minute: Option<u32>,
    /// Bills that wait to be paid, charged by clients or by the server.
    pub open_bills: Option<u32>,
}

impl Default for ClientBounds {
    /// A hundred charges a second are more than nearly any shop ever has. Fifty thousand open bills are a busy day of one shop.
    fn default() -> Self {
        Self { charges_per_minute: Some(6000), open_bills: Some(50_000) }
    }
}

impl ClientBounds {
    /// The highest bound of charges: 16,000 a second.
    pub const CHARGES_PER_MINUTE_MAX: u32 = 1_000_000;
    /// The highest bound of open bills: one charge cannot count more.
    pub const OPEN_BILLS_MAX: u32 = 100_000;

    /// The most charges that an instance of a function makes before it adds them to the common count.
    const UNREPORTED_MAX: u32 = 20;

    /// After how many charges an instance adds them to the common count. Small bounds are exact. For other bounds one write stands for
    /// twenty charges, so each instance may be up to twenty charges ahead of the count.
    pub fn batch(&self) -> u32 {
        let least = [self.charges_per_minute, self.open_bills].into_iter().flatten().min();
        least.map_or(Self::UNREPORTED_MAX, |least| (least / 10).clamp(1, Self::UNREPORTED_MAX))
    }

    /// Whether there is a bound at all.
    pub fn is_bound(&self) -> bool {
        self.charges_per_minute.is_some() || self.open_bills.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[rustfmt::skip]
    fn small_bounds_are_exact_and_large_ones_cost_a_write_in_twenty_charges() {
        let cases = [
            (Some(6000), Some(50_000), 20),
            (Some(5),    None,         1),
            (None,       Some(100),    10),
            (Some(1),    Some(1),      1),
            (None,       None,         20),
        ];
        for (charges_per_minute, open_bills, batch) in cases {
            assert_eq!(ClientBounds { charges_per_minute, open_bills }.batch(), batch);
        }
        assert_eq!(ClientBounds::default().batch(), 20);
    }

    #[test]
    fn one_bound_is_enough_to_be_counted_by() {
        let bounds = [(Some(1), None, true), (None, Some(1), true), (Some(1), Some(1), true), (None, None, false)];
        for (charges_per_minute, open_bills, is_bound) in bounds {
            assert_eq!(ClientBounds { charges_per_minute, open_bills }.is_bound(), is_bound);
        }
    }
}
