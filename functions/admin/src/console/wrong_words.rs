//! Why a call of the operator API failed, in Chinese.

use crate::api::wrong::WrongKind;

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "one row for each sentence")]
pub(crate) fn wrong(kind: WrongKind) -> &'static str {
    use WrongKind as K;
    match kind {
        // Calls in general.
        K::Unauthorized => "需要运维令牌",
        K::Forbidden => "当前角色没有此权限",
        K::NotFound => "不存在，或已被删除",
        K::Method => "此地址只支持 {allowed}",
        K::Internal => "系统出错，详情见日志",
        K::Storage => "存储暂时不可用，详情见日志",
        K::Queue => "队列暂时不可用，详见日志",
        K::Contended => "有人正在修改同一内容，请重试",
        // Bodies.
        K::ContentType => "Content-Type 须为 application/json，收到的是“{found}”",
        K::BodyTooLong => "请求内容有 {found} 字节，最多 {bytes_max} 字节",
        K::NoObject => "请求内容须为一个 JSON 对象（{why}）",
        K::TooDeep => "请求内容最多嵌套 {depth_max} 层",
        // Fields in general.
        K::Required => "缺少 {field}",
        K::Invalid => "{field} 须为 {expected}，填写的是“{found}”",
        K::Malformed => "须为 {expected}，填写的是“{found}”",
        K::Integer => "须为 {min} 到 {max} 的整数，填写的是“{found}”",
        K::Bound => "须为 1 到 {max} 的整数，留空表示不限",
        K::Limit => "须为 1 到 {max} 的整数",
        K::Switch => "须为 true 或 false，填写的是“{found}”",
        K::Name => "须为 1 到 {chars_max} 个字符",
        K::OneOf => "须为 {words} 之一，填写的是“{found}”",
        K::Kind => "须为 {words} 之一",
        K::States => "须为状态列表，填写的是“{found}”",
        K::Mode | K::ModeInQuery => "须为正式或测试",
        K::KeyKind => "须为主密钥或客户端密钥",
        K::Cursor => "分页位置无效，请回到第一页",
        K::ReplayCursor => "批量重发的位置无效，请重新开始",
        K::Time => "须为 1970 年以来的毫秒数",
        K::EndBeforeStart => "结束时间不能早于开始时间",
        K::Month => "须为年份加月份，例如 202611",
        K::Channel => "须为渠道名，或 ali、wx、unipay",
        K::Status => "须为 created、success、refund 或 closed",
        K::ChangedByOther => "刚被他人修改，请重试",
        // Operators.
        K::OperatorName => "须为 2 到 32 个小写字母、数字、点、横线或下划线，以字母开头",
        K::Taken => "已被使用",
        K::State => "须为启用或停用",
        K::Role => "须为只读、操作员或所有者",
        K::OwnRole => "不能取消自己的权限，请由其他所有者操作",
        K::Apps => "须为 1 到 {apps_max} 个应用 ID",
        K::NoApp => "没有应用 {id}",
        K::OwnerUnlimited => "所有者可见全部应用，不能限制",
        K::Password => "须有 {chars_min} 到 {chars_max} 个字符",
        K::PresentPassword => "当前密码不正确",
        K::TooManyTries => "尝试次数过多，请在 {seconds} 秒后再试",
        K::FactorByOneself => "两步验证须由操作员本人在控制台设置",
        K::FactorSecret => "须为 base32 编码的 20 字节",
        K::FactorCode => "验证码不正确，请输入应用中当前显示的验证码",
        K::FactorRule => "须为强制或可选",
        // Channels and their accounts.
        K::SimulatorLive => "模拟器只能用于测试模式",
        K::Masked => "此前没有保存过，请填写",
        K::MaskedForGateway => "此项是为原网关保存的，更换网关或协议后请重新填写",
        K::MaskedForFile => "此项是为原文件保存的，更换文件后请重新填写",
        K::ClosedAddress => "{address} 不是公网地址",
        K::AccountInUse => "这个账户正在使用，请改为删除渠道设置",
        K::AccountHasBusiness => "这个账户还有 {open} 笔未支付、{refunds} 笔退款处理中",
        K::TooManyAccounts => "此渠道换过的账户太多，无法再增加",
        // Webhooks and their deliveries.
        K::Target => "请填写目标",
        K::TargetUrl => "须为 http 或 https 地址",
        K::TargetUser => "不能包含用户名和密码：它们不会被发送，请改用请求头",
        K::TargetFragment => "不能包含 #：其后的内容不会被发送",
        K::TargetFunction => "须为 Lambda 的名称或 ARN",
        K::Headers => "最多 {headers_max} 个请求头，每行一个“名称: 值”",
        K::OurHeader => "“{name}”由系统设置",
        K::NoHeader => "“{name}”不能作为请求头",
        K::HeaderMasked => "“{name}”此前没有保存过，请填写",
        K::HeaderMaskedForAddress => "“{name}”是为原地址保存的，更换地址后请重新填写",
        K::QueryMasked => "此前没有保存过查询参数，请填写完整地址",
        K::QueryMaskedForAddress => "查询参数是为原地址保存的，更换地址后请重新填写",
        K::Events => "请至少选择一个事件",
        K::TooManyWebhooks => "每个应用最多 {webhooks_max} 个 Webhook",
        K::NobodyHears => "接收“{mode}”环境事件的 Webhook 已不存在",
        K::TakenBackAlready => "死信正在重新投递，请稍后再看",
        K::InAttempt => "此通知正在发送，请刷新后再试",
        // Money and days.
        K::Paid => "订单已支付，请改用退款",
        K::NotClosed => "渠道拒绝（{code}），原文“{words}”",
        K::RefundNum => "须为此交易的一笔退款的编号",
        K::Refused => "{why}",
        K::DayCompared => "这一天已经对过账",
        // Incidents.
        K::KeptUnreadable => "保存的消息已无法读取",
        K::NobodyReads => "它所属账户的设置已删除、停用或无法使用，请先保存设置再处理",
    }
}
