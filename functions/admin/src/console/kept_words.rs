//! The Chinese of stored sentences and of our own flows' sentences: incidents, refunds, attempts at webhooks, and why a call failed.

use courier::{AlertProblemKind, AttemptProblemKind};
use domain::{
    AsItIsKind, DayProblemKind, MismatchKind, RefundContradictionKind, RefundFailureKind, RefundRefusalKind,
    RefusalKind, UnansweredKind,
};
use runtime::{BillErrorKind, FailedKind, KeptBecauseKind};
use settlement::FoundKind;

/// The pattern of texts that are shown unchanged: those of others, and those that an earlier version stored without a code.
pub(crate) fn as_it_is(kind: AsItIsKind) -> &'static str {
    match kind {
        AsItIsKind::Words => "{words}",
    }
}

#[rustfmt::skip]
pub(crate) fn mismatch(kind: MismatchKind) -> &'static str {
    use MismatchKind as K;
    match kind {
        K::Claim => "{field} 为“{said}”，与配置的“{configured}”不一致",
        K::Order => "通知的订单号为“{said}”，通知地址属于订单“{expected}”，两者不一致",
        K::AmountUnknown => "通知中没有金额，订单金额为 {expected:yuan}",
        K::Amount => "通知金额 {said:yuan} 与订单金额 {expected:yuan} 不一致",
    }
}

#[rustfmt::skip]
pub(crate) fn refusal(kind: RefusalKind) -> &'static str {
    use RefusalKind as K;
    match kind {
        K::AlreadyPaid => "交易已支付，但渠道返回未支付已关闭",
        K::OtherTradeNo => "交易已用另一个渠道交易号支付",
        K::RefundedTooMuch => "渠道返回的退款金额超过支付金额",
    }
}

#[rustfmt::skip]
pub(crate) fn contradiction(kind: RefundContradictionKind) -> &'static str {
    use RefundContradictionKind as K;
    match kind {
        K::WentBack => "退款 {num} 已成功，但渠道现在返回没有退回：{words}",
        K::NoRoom => "退款 {num} 已失败，但渠道现在返回资金已出账，剩余可退金额不足",
        K::Twice => "退款 {num} 在渠道以两个编号各退了一次",
    }
}

#[rustfmt::skip]
pub(crate) fn refund_refusal(kind: RefundRefusalKind) -> &'static str {
    use RefundRefusalKind as K;
    match kind {
        K::NotPaid => "订单未支付，不能退款",
        K::TooMuch => "最多可退 {left:yuan}，填写的是 {found:yuan}",
        K::Stuck => "最多可退 {left:yuan}：退款 {num} 在渠道侧异常，仍占用额度，请先在渠道的商户平台处理；填写的是 {found:yuan}",
        K::AboveLimit => "今天操作员最多还可退 {left:yuan}，超出部分须由所有者审批；填写的是 {found:yuan}",
        K::Reserved => "退款单号不能以 twice- 开头，这类单号留给系统的自动退款；填写的是 {num}",
    }
}

#[rustfmt::skip]
pub(crate) fn refund_failure(kind: RefundFailureKind) -> &'static str {
    use RefundFailureKind as K;
    match kind {
        K::Refused => "{code}：{words}",
        K::Short => "余额不足：{words}",
        K::Stuck => "退款异常：{words}",
        K::Waited => "余额不足：30 天内余额一直不足",
        K::GivenUp => "已放弃：余额不足期间已人工放弃",
    }
}

#[rustfmt::skip]
pub(crate) fn day(kind: DayProblemKind) -> &'static str {
    match kind {
        DayProblemKind::Stopped => "对账中途中断，没有做完",
    }
}

#[rustfmt::skip]
pub(crate) fn found(kind: FoundKind) -> &'static str {
    use FoundKind as K;
    match kind {
        K::NoSuchTry => "没有这笔交易，通知的订单号为“{order}”",
        K::OtherAccount => "验签所用的账户与这笔交易的账户不一致",
        K::Unreadable => "它所属账户的设置已删除、停用或无法使用",
        K::PaidToo => "此订单还由交易 {transaction}（{channel}）支付过",
        K::Mispriced => "客户端自行下单并支付了 {paid:yuan}，与商户服务端的定价 {price:yuan} 不一致",
        K::RefundStuck => "退款 {num} 已出账但未到账，需人工处理。{failure}",
        K::RefundPaused => "退款 {num} 因商户余额不足正在等待，请充值，或放弃这笔退款。{failure}",
        K::RefundFailed => "退款 {num} 没有退回。{failure}",
        K::RefundAmount => "退款 {num} 的通知金额 {found:yuan} 与申请金额 {expected:yuan} 不一致",
        K::RefundUnknown => "退款 {num} 不是由本系统发起，但渠道返回资金已出账",
    }
}

#[rustfmt::skip]
pub(crate) fn alert(kind: AlertProblemKind) -> &'static str {
    use AlertProblemKind as K;
    match kind {
        K::Refused => "对方拒绝（{code}），原文“{words}”",
        K::Status => "对方返回 HTTP {status}",
        K::Unclear => "对方的应答不是机器人的应答",
        K::Address => "地址或加签密钥无法使用",
        K::Unanswered => "{why}",
        K::Topic => "SNS 拒绝（{code}）：请检查主题名是否在部署允许的范围内，以及主题的加密密钥是否允许本部署使用",
        K::NoTopic => "无法连接 SNS",
    }
}

#[rustfmt::skip]
pub(crate) fn attempt(kind: AttemptProblemKind) -> &'static str {
    use AttemptProblemKind as K;
    match kind {
        K::Unfetched => "{days} 天内没有拉取并确认",
        // URLs.
        K::Redirect => "HTTP {status}：不会跟随重定向",
        K::Status => "HTTP {status}；只有 200 视为收到",
        K::Url => "网址不可用（{why}）",
        K::Unanswered => "{why}",
        // Functions.
        K::StatusCode => "statusCode {found}；只有 200 视为收到",
        K::FunctionError => "云函数执行失败（{kind}）",
        K::Missing => "没有这个云函数",
        K::Denied => "不允许调用：函数名须在部署所允许的范围内",
        K::Throttled => "云函数被限流",
        K::NoResult => "{seconds} 秒内没有结果",
        K::NotInvoked => "无法调用云函数",
        K::NotInvokedBecause => "无法调用云函数（{code}）",
    }
}

#[rustfmt::skip]
pub(crate) fn unanswered(kind: UnansweredKind) -> &'static str {
    use UnansweredKind as K;
    match kind {
        K::Client => "系统的 HTTP 客户端不可用",
        K::Forbidden => "{address} 不是公网地址",
        K::Connect => "无法建立连接",
        K::Broken => "连接在应答完成前中断",
        K::Deadline => "{seconds} 秒内没有完整应答",
        K::TooLong => "应答超过 {bytes_max} 字节",
    }
}

#[rustfmt::skip]
pub(crate) fn failed(kind: FailedKind) -> &'static str {
    use FailedKind as K;
    match kind {
        K::NotConfigured => "此应用在该环境没有配置 {channel}",
        K::Retired => "下单时的账户 {number}（{channel}，{mode}）已停用，请重新保存它的设置（{tab}）",
        K::Settings => "渠道配置不可用：{field}: {problem}",
        K::Refund => "退款 {num} 失败：{failure}",
        K::RefundKept => "退款 {num} 没有放弃：{why}",
        K::NotClosed => "渠道没有关闭订单（{code}），原文“{words}”",
        K::Unanswered => "渠道没有应答，请稍后重试",
        K::Storage => "存储暂时不可用",
        K::System => "系统出错，请稍后重试",
    }
}

#[rustfmt::skip]
pub(crate) fn kept_because(kind: KeptBecauseKind) -> &'static str {
    use KeptBecauseKind as K;
    match kind {
        K::NotPaused => "只能放弃正在等待商户余额的退款",
        K::MayMove => "渠道尚未确认资金未动，请稍后再试",
        K::SentAgain => "退款刚刚又提交过一次，请刷新后再看",
    }
}

#[rustfmt::skip]
pub(crate) fn bill(kind: BillErrorKind) -> &'static str {
    use BillErrorKind as K;
    match kind {
        K::Paid => "订单“{bill}”已由 {paid_on} 支付（交易 {transaction}）",
        K::NotCounted => "订单“{bill}”在 {paid_on} 的付款（交易 {transaction}）不算这个订单的付款：金额与服务端的定价不符，或者在定价前已退款",
        K::Unknown => "订单“{bill}”没有下过单",
        K::UnknownOn => "订单“{bill}”没有在 {channel} 下过单",
        K::Unpaid => "订单“{bill}”没有这笔支付，不能退款",
        K::SeveralPayments => "订单“{bill}”由多笔交易支付过，请用 id 指定其中一笔：{transactions}",
        K::OtherRefund => "退款编号 {num} 已用于订单“{bill}”的另一笔退款（{fee:yuan}），请换一个",
        K::NoRefund => "没有编号为 {num} 的退款",
        K::OtherFee => "订单“{bill}”之前的下单金额为 {expected:yuan}，这次是 {found:yuan}",
        K::OtherSubject => "subject 与订单“{bill}”之前下单时的不同",
        K::CheckoutOver => "订单“{bill}”的收银台已结束或已关闭，只能由商户服务端重新创建",
        K::OfferChanged => "订单“{bill}”的收银台刚刚有变化，请以最新页面为准",
        K::NotOpened => "商户服务端还没有用主密钥为订单“{bill}”下过单",
        K::ReplacedTooOften => "订单“{bill}”的支付单一小时内被替换或取消的次数过多，请稍后再试，或换一家支付渠道",
        K::NumberTooLong => "订单号过长：通知地址将有 {chars} 个字符，渠道最多接受 {max} 个",
        K::Exhausted => "订单“{bill}”在此渠道最多尝试 {max} 次，次数已用完",
    }
}
