//! Our refunds beside the provider's bills: refunds that succeeded in our books, and that no bill lists.
//!
//! A provider lists a refund on a day between the request and the day on which we learned of its success; which day, depends on the
//! provider. A refund that is not in the bill of the day is looked for in the bills of the days before.

use std::{collections::BTreeMap, mem::take};

use domain::{EndedRefund, TransactionId};
use futures_util::future::try_join_all;
use providers::{Account, ProviderError};
use runtime::ApiError;
use store::StoreError;

use super::{
    DayComparison, Findings, LINES_AT_ONCE, LOOKED_UP_AT_ONCE,
    accounts::{MerchantAccount, Usage},
    bill::Bill,
};

/// A bank takes some working days to take money back. A refund that took longer is not judged.
const DAYS_BEFORE_MAX: usize = 7;

/// Our refunds of the day that no bill listed yet, by payment and number.
type Unlisted = BTreeMap<(TransactionId, String), EndedRefund>;

impl DayComparison<'_> {
    /// Goes through all our refunds of the day.
    pub(super) async fn compare_refunds(
        &self,
        account: &Account,
        bill: &Bill,
        findings: &mut Findings<'_>,
    ) -> Result<(), ApiError> {
        let (store, merchant) = (&self.deps.services.store, self.merchant);
        let mut unlisted = Unlisted::new();
        for channel in &merchant.channels {
            let mut from = None;
            loop {
                let page = store.ended_refunds(&merchant.app, merchant.mode, *channel, self.span(), from).await?;
                let refunds = self.of_this_account(page.items).await?;
                let named =
                    refunds.into_iter().map(|refund| ((refund.transaction.clone(), refund.num.to_string()), refund));
                unlisted.extend(named);
                if unlisted.len() >= LINES_AT_ONCE {
                    self.find_in_bills(account, bill, &mut unlisted, findings).await?;
                }
                // It ends, because each page begins after the one before.
                let Some(next) = page.next else { break };
                from = Some(next);
            }
        }
        self.find_in_bills(account, bill, &mut unlisted, findings).await
    }

    /// Whether any of our refunds of the day was of a payment of this account.
    pub(super) async fn had_refunds(&self) -> Result<bool, StoreError> {
        let (store, merchant) = (&self.deps.services.store, self.merchant);
        for channel in &merchant.channels {
            let mut from = None;
            loop {
                let page = store.ended_refunds(&merchant.app, merchant.mode, *channel, self.span(), from).await?;
                if !self.of_this_account(page.items).await?.is_empty() {
                    return Ok(true);
                }
                let Some(next) = page.next else { break };
                from = Some(next);
            }
        }
        Ok(false)
    }

    /// Those whose payments were made on this account. The row of a refund does not say so: if the tab had several accounts, each payment
    /// is looked up.
    async fn of_this_account(&self, refunds: Vec<EndedRefund>) -> Result<Vec<EndedRefund>, StoreError> {
        let (store, MerchantAccount { app, mode, number, usage, .. }) = (&self.deps.services.store, self.merchant);
        if *usage == Usage::Only {
            return Ok(refunds);
        }
        let mut mine = Vec::new();
        for some in refunds.chunks(LOOKED_UP_AT_ONCE) {
            let looked = some.iter().map(async |refund| {
                let bill = store.load_bill(app, *mode, &refund.bill).await?;
                let payment = bill.tries.into_iter().find(|payment| payment.id == refund.transaction);
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
        let merchant = self.merchant;
        remove_listed(account, bill, unlisted)?;
        let mut day = self.day.clone();
        for _ in 0..DAYS_BEFORE_MAX {
            if unlisted.values().all(|refund| refund.requested_at >= merchant.span(&day).start) {
                break;
            }
            day = day.before();
            remove_listed(account, &self.fetch(&day).await?, unlisted)?;
        }
        let since = merchant.span(&day).start;
        for refund in take(unlisted).into_values().filter(|refund| refund.requested_at >= since) {
            findings.add(Some(refund.missing_there())).await;
        }
        Ok(())
    }
}

/// Removes the refunds that a bill lists. What the bill says about them is judged on the day of that bill. An unreadable line may be about
/// any refund of the payment that it names.
fn remove_listed(account: &Account, bill: &Bill, unlisted: &mut Unlisted) -> Result<(), ProviderError> {
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
