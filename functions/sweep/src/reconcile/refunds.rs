//! Our refunds beside the provider's bills: what went back as far as we know, and is in no bill.
//!
//! A provider lists a refund on some day between that on which it was asked for and that on which we heard of its end; which of them
//! is another at each provider. So those that are not in the bill of the day are looked for in those before it.

use std::{collections::BTreeMap, mem::take};

use domain::{EndedRefund, TransactionId};
use futures_util::future::try_join_all;
use providers::{Account, ProviderError};
use runtime::ApiError;
use store::StoreError;

use super::{
    Books, Findings, LINES_AT_ONCE, LOOKED_UP_AT_ONCE,
    accounts::{Holding, Usage},
    bill::Bill,
};

/// A bank takes some working days to take money back. What took longer is not judged.
const DAYS_BEFORE_MAX: usize = 7;

/// Our refunds of the day that no bill listed yet, by payment and number.
type Unlisted = BTreeMap<(TransactionId, String), EndedRefund>;

impl Books<'_> {
    /// Goes through all our refunds of the day.
    pub(super) async fn compare_refunds(
        &self,
        account: &Account,
        bill: &Bill,
        findings: &mut Findings<'_>,
    ) -> Result<(), ApiError> {
        let (store, holding) = (&self.deps.base.store, self.holding);
        let moments = self.span();
        let mut unlisted = Unlisted::new();
        for channel in &holding.channels {
            let mut from = None;
            loop {
                let whose = (&holding.app, holding.mode, *channel);
                let (refunds, next) = store.ended_refunds(whose, moments, from).await?;
                let refunds = self.of_this_account(refunds).await?;
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

    /// Whether any of our refunds of the day was of a payment of this account.
    pub(super) async fn had_refunds(&self) -> Result<bool, StoreError> {
        let (store, holding) = (&self.deps.base.store, self.holding);
        let moments = self.span();
        for channel in &holding.channels {
            let mut from = None;
            loop {
                let whose = (&holding.app, holding.mode, *channel);
                let (refunds, next) = store.ended_refunds(whose, moments, from).await?;
                if !self.of_this_account(refunds).await?.is_empty() {
                    return Ok(true);
                }
                let Some(next) = next else { break };
                from = Some(next);
            }
        }
        Ok(false)
    }

    /// Those whose payments were made on this account. Their own rows do not say so, so that each payment is looked up where the tab had
    /// several accounts.
    async fn of_this_account(&self, refunds: Vec<EndedRefund>) -> Result<Vec<EndedRefund>, StoreError> {
        let (store, Holding { app, mode, number, usage, .. }) = (&self.deps.base.store, self.holding);
        if *usage == Usage::Only {
            return Ok(refunds);
        }
        let mut mine = Vec::new();
        for some in refunds.chunks(LOOKED_UP_AT_ONCE) {
            let looked = some.iter().map(async |refund| {
                let tries = store.load_bill(app, *mode, &refund.bill).await?;
                let payment = tries.into_iter().find(|payment| payment.id == refund.transaction);
                Ok::<_, StoreError>(payment.filter(|payment| payment.account == *number).map(|_| refund.clone()))
            });
            mine.extend(try_join_all(looked).await?.into_iter().flatten());
        }
        Ok(mine)
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
        let holding = self.holding;
        strike(account, bill, unlisted)?;
        let mut day = self.day.clone();
        for _ in 0..DAYS_BEFORE_MAX {
            if unlisted.values().all(|refund| refund.requested_at >= holding.span(&day).0) {
                break;
            }
            day = day.before();
            strike(account, &self.fetch(&day).await?, unlisted)?;
        }
        let since = holding.span(&day).0;
        for refund in take(unlisted).into_values().filter(|refund| refund.requested_at >= since) {
            findings.add(Some(refund.missing_there())).await;
        }
        Ok(())
    }
}

/// Takes those off that a bill lists, whatever it says of them: that is judged on the day of that bill. A line that cannot be read may be
/// about any refund of the payment that it names.
fn strike(account: &Account, bill: &Bill, unlisted: &mut Unlisted) -> Result<(), ProviderError> {
    let unread = bill.read(account, |line| {
        let (payment, Some(listed)) = (line.transaction, line.refund) else { return };
        let of_payment = unlisted.range((payment.clone(), String::new())..);
        let mut of_payment = of_payment.take_while(|((of, _), _)| *of == payment);
        let found = of_payment.find(|(_, refund)| account.lists_refund_as(&listed.num, &payment, &refund.num));
        if let Some(key) = found.map(|(key, _)| key.clone()) {
            unlisted.remove(&key);
        }
    })?;
    unlisted.retain(|(payment, _), _| !unread.names(payment));
    Ok(())
}
