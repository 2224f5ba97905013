//! What a person does about an incident, and about a difference of the reconciliation, in both languages.

use domain::{DifferenceKind, IncidentKind};

use super::names::{Words, words};

#[rustfmt::skip]
pub(crate) fn advice(kind: IncidentKind) -> Words {
    use IncidentKind as K;
    match kind {
        K::Account => words("核对渠道设置里的商户号，与商户平台一致后点“重新核对”。商户号没错，就是钱进了别的账号：到商户平台查这笔款。", "Compare the account in the channel's settings with the provider's console, correct it, and check again. If it is right, the money went to another account: look for it there."),
        K::Amount => words("先不要发货。到商户平台查实付金额：与订单不符就退款，并查清金额是在哪一步被改的。", "Do not ship yet. Look up in the provider's console what was paid. If it is not the order's amount, refund it, and find out where the amount was changed."),
        K::Order => words("通知发到了另一笔订单的地址。到商户平台按订单号查实际付款，再决定发货或退款。", "The message came to the address of another order. Look up the order in the provider's console, then ship or refund."),
        K::ClosedAfterPayment => words("到商户平台确认钱是否到账。到账照常发货；没到账先停发，并联系渠道。", "Look up in the provider's console whether the money arrived. If it did, ship as usual; if not, stop and ask the provider."),
        K::PaidAgain => words("同一订单可能收了两次钱。到商户平台核对两个交易号，多收的那笔在那里退。", "The order may be paid twice. Compare both trade numbers in the provider's console, and refund the second one there."),
        K::RefundAmount => words("到商户平台核对这笔退款实际退了多少，少退的补退。", "Look up in the provider's console how much went back, and refund what is missing."),
        K::RefundedTooMuch => words("渠道退的钱比收的多。到商户平台核对退款记录，并联系渠道追回。", "More went back than was paid. Compare the refunds in the provider's console, and ask the provider to get it back."),
        K::DayNotCompared => words("系统每天自动重试三次，共 30 天。如果是设置或权限问题，改好后点“重新核对”。", "It is tried again three times a day for 30 days. If settings or permissions are the reason, correct them and check again."),
        K::Duplicate => words("同一订单收了两笔钱：把后付的这一笔退掉。也可以在应用设置里打开自动退回重复支付。", "The order was paid twice: refund this later payment. The app's settings can send such payments back by themselves."),
        K::Price => words("付款人付的不是服务端定的价，这一笔不算付清：退款，或与付款人补差价。", "The payer did not pay the server's price, so the order does not count as paid: refund it, or settle the rest with the payer."),
        K::Forged => words("多半是渠道公钥或 APIv3 密钥填错，或渠道换了密钥：改好设置后点“重新核对”。设置没错就是有人伪造，没有入账，可以不管。", "As a rule a key in the channel's settings is wrong or was changed: correct it and check again. If the settings are right, somebody forged it; nothing was booked."),
        K::Unknown => words("渠道通知的订单本系统没有。确认是否有别的系统在用同一个商户号收款。", "The provider reports an order that is not known here. Find out whether another system uses the same merchant account."),
        K::RefundPaused => words("给渠道账户充值，系统会自动再试，共 30 天；不想等，可在交易详情里放弃这笔退款。", "Top up the account at the provider: it is tried again for 30 days. To stop waiting, give the refund up at its payment."),
        K::RefundStuck => words("到商户平台处理这笔异常退款（例如改退到别的银行卡），处理完点“重新核对”。", "Deal with it in the provider's console, for example by another bank card, then check again."),
        K::RefundFailed => words("按原因处理好，再到交易详情里重新退款。", "Remove the cause, then refund again at the payment."),
        K::RefundContradiction => words("渠道前后说法不一。到商户平台核对这笔退款，以资金流水为准。", "The provider said two different things. Compare the refund with the statement of account in its console."),
        K::RefundUnknown => words("确认是不是同事在商户平台直接退的款；不是的话尽快查清是谁操作的。", "Ask whether a colleague refunded it in the provider's console. If not, find out who did."),
    }
}

#[rustfmt::skip]
pub(crate) fn about_difference(kind: DifferenceKind) -> Words {
    use DifferenceKind as K;
    match kind {
        K::MissingHere => words("渠道账单有、本系统没有。确认是否有别的系统在用同一个商户号收款。", "The provider's bill has it, our books do not. Find out whether another system uses the same merchant account."),
        K::MissingThere => words("本系统有、渠道账单没有。向渠道查单；查到已付，多半会出现在第二天的账单里。", "Our books have it, the provider's bill does not. Query the provider: if it says paid, it is mostly in the bill of the next day."),
        K::AmountDiffers => words("两边都有，金额不同。以商户平台的资金流水为准，差额退款或补收。", "Both have it, with different amounts. Go by the statement of account in the provider's console, and refund or collect the rest."),
        K::StatusDiffers => words("渠道已收款，本系统还是未支付。向渠道查单，通常会随即入账。", "The provider has the money, and the order is unpaid here. Query the provider: as a rule it is booked at once."),
        K::RefundDiffers => words("渠道账单有这笔退款，本系统没有成功退款或金额较少。多半是在商户平台直接退的。", "The provider's bill has this refund; here it did not succeed, or with less. Mostly it was made in the provider's console."),
        K::RefundMissingThere => words("本系统退款成功，渠道账单没有。到商户平台查这笔退款是否到账。", "The refund succeeded here, and the provider's bill does not have it. Look up in its console whether the money arrived."),
        K::UnreadableLine => words("账单里有一行读不懂，其余已对完。请人工核对这一行。", "One line of the bill cannot be read; the rest is compared. Compare this line by hand."),
    }
}
