//! Our refunds beside the provider's bills: what went back as far as we know, and is in no bill.
//!
//! A provider lists a refund on some day between that on which it was asked for and that on which we heard of its end; which of them
//! is another at each provider. So those that are not in the bill of the day are looked for in those before it.

use std::collections::HashMap;

use domain::{EndedRefund, TransactionId};
use providers::{Account, ProviderError};
use runtime::ApiError;

use super::{Books, Findings, LINES_AT_ONCE, bill::Bill};

/// A bank takes some working days to take money back. What took longer is not judged.
const DAYS_BEFORE_MAX: usize = 7;

/// Our refunds of the day that no bill listed yet, by payment and number.
type Unlisted = HashMap<(TransactionId, String), EndedRefund>;

impl Books<'_> {
    /// Goes through all our refunds of the day.
    pub(super) async fn compare_refunds(
        &self,
        account: &Account,
        bill: &Bill,
        findings: &mut Findings<'_>,
    ) -> Result<(), ApiError> {
        let (store, holding) = (&self.deps.base.store, self.holding);
        let moments = (self.day.start(), self.day.end());
        let mut unlisted = Unlisted::new();
        for channel in &holding.channels {
            let mut from = None;
            loop {
                let whose = (&holding.app, holding.mode, *channel);
                let (refunds, next) = store.ended_refunds(whose, moments, from).await?;
                let named =
                    refunds.into_iter().map(|refund| ((refund.transaction.clone(), refund.num.to_string()), refund));
                unlisted.extend(named);
                if unlisted.len() >= LINES_AT_ONCE {
                    self.find_in_bills(account, bill, &mut unlisted, findings).await?;
                }
                // It ends, because each page begins behind the one before.
                let Some(next) = next else { break };
                from = Some(next);
            }
        }
        self.find_in_bills(account, bill, &mut unlisted, findings).await
    }

    async fn find_in_bills(
        &self,
        account: &Account,
        bill: &Bill,
        unlisted: &mut Unlisted,
        findings: &mut Findings<'_>,
    ) -> Result<(), ApiError> {
        if unlisted.is_empty() {
            return Ok(());
        }
        strike(account, bill, unlisted)?;
        let mut day = self.day.clone();
        for _ in 0..DAYS_BEFORE_MAX {
            if unlisted.values().all(|refund| refund.requested_at >= day.start()) {
                break;
            }
            day = day.before();
            strike(account, &self.fetch(&day).await?, unlisted)?;
        }
        for (_, refund) in unlisted.drain().filter(|(_, refund)| refund.requested_at >= day.start()) {
            findings.add(Some(refund.missing_there())).await?;
        }
        Ok(())
    }
}

/// Takes those off that a bill lists, whatever it says of them: that is judged on the day of that bill.
fn strike(account: &Account, bill: &Bill, unlisted: &mut Unlisted) -> Result<(), ProviderError> {
    bill.read(account, |line| {
        if let Some(refund) = line.refund {
            unlisted.remove(&(line.transaction, refund.num));
        }
    })
}
