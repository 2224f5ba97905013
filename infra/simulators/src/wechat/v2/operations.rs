//! `orderquery`, `closeorder`, `refund` and `refundquery`.

use super::super::moment::compact;
use super::super::trade::{Refund, RefundRequest, Rule, State, Trade};
use super::order::{amount, notify_url, number_text, out_trade_no};
use super::{Call, Refusal, message};
use crate::kit::beijing::MINUTE_MS;
use crate::kit::form::Params;

/// The old interface closes no order before this time: "订单生成后不能马上调用关单接口，最短调用时间间隔为5分钟". The code of that refusal is not documented.
const CLOSED_AFTER_MS: i64 = 5 * MINUTE_MS;

/// The order of `transaction_id` or `out_trade_no`; the first wins.
fn fits(call: &Call<'_>) -> Result<impl Fn(&Trade) -> bool, Refusal> {
    let transaction_id = call.optional("transaction_id", 32)?.map(str::to_owned);
    let out_trade_no = match (&transaction_id, call.value("out_trade_no")) {
        (_, Some(_)) => Some(out_trade_no(call)?.to_owned()),
        (Some(_), None) => None,
        (None, None) => return Err(Refusal::param("out_trade_no", "transaction_id or out_trade_no is needed")),
    };
    Ok(move |trade: &Trade| match (&transaction_id, &out_trade_no) {
        (Some(id), _) => trade.transaction_id.as_ref() == Some(id),
        (None, Some(number)) => trade.order.out_trade_no == *number,
        (None, None) => false,
    })
}

pub(super) fn query(call: &Call<'_>) -> Result<Params, Refusal> {
    let fits = fits(call)?;
    call.simulator.with(|ledger, _| {
        let trade = ledger.of_merchant(&call.merchant.mch_id, fits).ok_or(Rule::NotExist)?;
        let mut answer = match trade.state {
            State::Success | State::Refund => message::paid_fields(trade),
            State::NotPay | State::PayError | State::Closed => Params::from([
                ("out_trade_no".to_owned(), trade.order.out_trade_no.clone()),
                ("total_fee".to_owned(), trade.order.total.get().to_string()),
            ]),
        };
        answer.insert("trade_state".to_owned(), trade.state.word().to_owned());
        answer.insert("trade_state_desc".to_owned(), trade.state.text().to_owned());
        Ok(answer)
    })
}

pub(super) fn close(call: &Call<'_>) -> Result<Params, Refusal> {
    let number = out_trade_no(call)?;
    call.simulator.with(|ledger, now| {
        let found = ledger.by_out_trade_no(&call.merchant.mch_id, number).map(|trade| trade.number.clone());
        let trade = found.and_then(|number| ledger.orders.get_mut(&number)).ok_or(Rule::NotExist)?;
        let ordered_at = trade.prepays.first().map_or(0, |prepay| prepay.at);
        let is_open = matches!(trade.state, State::NotPay | State::PayError);
        if is_open && now < ordered_at.saturating_add(CLOSED_AFTER_MS) {
            return Err(Refusal {
                code: "INVALID_REQUEST", words: "订单生成后不能马上调用关单接口".to_owned()
            });
        }
        Ok(trade.close(now)?)
    })?;
    Ok(Params::from([("result_msg".to_owned(), "OK".to_owned())]))
}

pub(super) fn refund(call: &Call<'_>) -> Result<Params, Refusal> {
    let fits = fits(call)?;
    let out_refund_no = number_text("out_refund_no", call.required("out_refund_no", 64)?, "_-|*@")?;
    let total = amount(call, "total_fee")?;
    let amount = amount(call, "refund_fee")?;
    if call.value("refund_fee_type").is_some_and(|currency| currency != "CNY") {
        return Err(Refusal::param("refund_fee_type", "must be CNY"));
    }
    let reason = call.optional("refund_desc", 80)?.map(str::to_owned);
    let notify_url = call.optional("notify_url", 256)?.map(|url| notify_url("notify_url", url)).transpose()?;
    call.simulator.with(|ledger, now| {
        let mch_id = &call.merchant.mch_id;
        let number = ledger.of_merchant(mch_id, fits).map(|trade| trade.number.clone()).ok_or(Rule::NotExist)?;
        let taken = |trade: &Trade| trade.refund_of(out_refund_no).is_some();
        if ledger.of_merchant(mch_id, taken).is_some_and(|trade| trade.number != number) {
            return Err(Rule::RefundDiffers.into());
        }
        let (refund_id, balance) = (ledger.provider_number("50", now), ledger.balances.of(mch_id));
        let trade = ledger.orders.get_mut(&number).ok_or(Rule::NotExist)?;
        let out_refund_no = out_refund_no.to_owned();
        trade.refund(
            RefundRequest {
                refund_id,
                out_refund_no: out_refund_no.clone(),
                amount,
                total,
                reason,
                notify_url,
                balance,
            },
            now,
        )?;
        let refund = trade.refund_of(&out_refund_no).ok_or(Rule::NotExist)?;
        let mut answer = message::refund_fields(trade, refund);
        answer.remove("refund_status");
        Ok(answer)
    })
}

pub(super) fn query_refund(call: &Call<'_>) -> Result<Params, Refusal> {
    let refund_no = call.optional("out_refund_no", 64)?.map(str::to_owned);
    let refund_id = call.optional("refund_id", 32)?.map(str::to_owned);
    let by_refund = refund_no.is_some() || refund_id.is_some();
    let chosen = |refund: &Refund| match (&refund_id, &refund_no) {
        (Some(id), _) => refund.refund_id == *id,
        (None, Some(number)) => refund.out_refund_no == *number,
        (None, None) => true,
    };
    let by_order = if by_refund { None } else { Some(fits(call)?) };
    call.simulator.with(|ledger, _| {
        let found = ledger.of_merchant(&call.merchant.mch_id, |trade| match &by_order {
            Some(fits) => fits(trade),
            None => trade.refunds.iter().any(chosen),
        });
        let trade = found.filter(|trade| !trade.refunds.is_empty());
        let trade =
            trade.ok_or_else(|| Refusal { code: "REFUNDNOTEXIST", words: "退款订单查询失败".to_owned() })?;
        let refunds: Vec<&Refund> = trade.refunds.iter().filter(|refund| chosen(refund)).collect();
        let mut answer = Params::from([
            ("transaction_id".to_owned(), trade.transaction_id.clone().unwrap_or_default()),
            ("out_trade_no".to_owned(), trade.order.out_trade_no.clone()),
            ("total_fee".to_owned(), trade.order.total.get().to_string()),
            ("cash_fee".to_owned(), trade.payer_total().get().to_string()),
            ("refund_count".to_owned(), refunds.len().to_string()),
        ]);
        for (index, refund) in refunds.into_iter().enumerate() {
            let fields = [
                ("out_refund_no", refund.out_refund_no.clone()),
                ("refund_id", refund.refund_id.clone()),
                ("refund_channel", "ORIGINAL".to_owned()),
                ("refund_fee", refund.amount.get().to_string()),
                ("refund_status", message::refund_word(refund.status).to_owned()),
                ("refund_recv_accout", "支付用户零钱".to_owned()),
            ];
            answer.extend(fields.map(|(name, value)| (format!("{name}_{index}"), value)));
            if let Some(at) = refund.success_at {
                let text = compact(at);
                answer.insert(format!("refund_success_time_{index}"), text);
            }
        }
        Ok(answer)
    })
}
