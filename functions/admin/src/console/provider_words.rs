//! The Chinese of our own sentences about providers' answers and messages. Providers' own words stay unchanged, in quotation marks.

use providers::{
    CheckWordsKind, LineProblemKind, MessageProblemKind, NotifyErrorKind, ProviderErrorKind, RefundWordsKind,
    TrustProblemKind, UnableKind,
};

#[rustfmt::skip]
pub(crate) fn error(kind: ProviderErrorKind) -> &'static str {
    use ProviderErrorKind as K;
    match kind {
        K::Refused => "渠道拒绝（{code}），原文“{words}”",
        K::Unclear => "渠道的应答不明确：{reason}",
        K::UnknownKey => "渠道的应答由证书 {serial} 签名，系统没有此证书",
        K::Unsupported => "此账号不支持：{what}",
        K::AlreadyOrdered => "渠道已有此订单，但应答丢失，请重试",
        K::OrderBound => "渠道不再受理此订单（{code}）：{words}",
        K::Param => "{field} 须为 {expected}",
        K::Key => "{field}：{problem}",
    }
}

#[rustfmt::skip]
pub(crate) fn notify(kind: NotifyErrorKind) -> &'static str {
    use NotifyErrorKind as K;
    match kind {
        K::Malformed => "通知的格式不正确：{reason}",
        K::Unsigned => "通知没有签名",
        K::Algorithm => "通知的签名方式为 {found}，与配置的 {expected} 不一致",
        K::BadSignature => "验签失败：签名与 {field} 不匹配",
        K::UnknownKey => "通知由证书 {serial} 签名，系统没有此证书",
        K::Stale => "通知的签名时间与现在相差 {seconds} 秒，最多允许 {seconds_max} 秒",
        K::Probe => "这是渠道的签名探测流量",
        K::Sealed => "通知的内容无法用 {field} 解密",
        K::Untrusted => "通知的证书不可信：{problem}",
    }
}

#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "one row for each sentence")]
pub(crate) fn message(kind: MessageProblemKind) -> &'static str {
    use MessageProblemKind as K;
    match kind {
        // Any message.
        K::Http => "HTTP 状态 {status}",
        K::ContentType => "内容类型须为 {expected}",
        K::TooLong => "应答超过 {bytes_max} 字节",
        K::NotUtf8 => "应答不是 UTF-8",
        K::UnknownCharset => "应答既不是 UTF-8，也不是 GB18030",
        K::NotJson => "应答不是约定的 JSON（{why}）",
        K::NotXml => "应答不是约定的 XML（{problem}）",
        K::Missing => "缺少 {field}",
        K::Unreadable => "{field} 缺失或无法读取",
        K::Twice => "{field} 出现两次",
        K::NotAscii => "{field} 不是 ASCII",
        K::NotBase64 => "{field} 不是 base64",
        K::NoYuan => "{field} 须为以元为单位的金额",
        K::Charset => "{field} 须为 utf-8、gbk、gb2312 或 gb18030，收到的是 {found}",
        // Forms.
        K::TooManyFields => "字段数量超过任何应答",
        K::FieldsMax => "字段超过 {fields_max} 个",
        K::FieldTwice => "有一个字段出现两次",
        K::NoValue => "有一个字段没有值",
        K::NoName => "有一个字段没有值或名称",
        K::FieldCharset => "有一个字段既不是 UTF-8，也不是 GB18030",
        // XML.
        K::Xml => "{why}",
        K::XmlCharset => "既不是 UTF-8，也不是 GB18030",
        K::DocumentType => "含有 DOCTYPE",
        K::Entity => "含有自定义实体",
        K::CutOff => "内容不完整",
        K::TooManyParts => "超过 {parts_max} 个部分",
        K::TooDeep => "嵌套超过 {depth_max} 层",
        // The signature of an answer.
        K::UnsignedSuccess => "成功应答没有签名",
        K::AlipayCertificate => "由支付宝证书 {found} 签名，与已配置的 {held} 不一致：请下载并配置新证书",
        K::AlipaySignature => "验签失败：签名与 {field} 不匹配，请确认该公钥是支付宝的，且属于此应用",
        K::WechatSignature => "验签失败：签名与 {field} 不匹配，请确认它是微信支付的，且属于此商户",
        K::SignedWith => "签名方式为 {found}，应为 {expected}",
        K::Probe => "这是微信支付的签名探测流量",
        K::Stale => "签名时间与现在相差 {seconds} 秒，最多允许 {seconds_max} 秒",
        K::NoSerial => "wechatpay-serial 不是序列号",
        K::NoSeconds => "wechatpay-timestamp 不是秒数",
        // The same, for providers whose answers are signed like notifies.
        K::AnswerMalformed => "应答的格式不正确：{reason}",
        K::AnswerUnsigned => "应答没有签名",
        K::AnswerAlgorithm => "应答的签名方式为 {found}，与配置的 {expected} 不一致",
        K::AnswerSignature => "应答验签失败：签名与 {field} 不匹配",
        K::AnswerUnknownKey => "应答由证书 {serial} 签名，系统没有此证书",
        K::AnswerStale => "应答的签名时间与现在相差 {seconds} 秒，最多允许 {seconds_max} 秒",
        K::AnswerProbe => "应答是渠道的签名探测流量",
        K::AnswerSealed => "应答的内容无法用 {field} 解密",
        K::AnswerUntrusted => "应答的证书不可信：{problem}",
        // The content of an answer.
        K::NoContent => "成功应答没有内容",
        K::Unusable => "成功应答没有可用的 {field}",
        K::NotAskedFor => "成功应答与请求不对应",
        K::Page => "返回的是网页，不是接口应答",
        K::NoCode => "其中没有返回码",
        K::NoRespCode => "其中没有 respCode",
        K::BothNodes => "同时含有 {node} 与 error_response",
        K::NoNode => "既没有 {node} 也没有 error_response",
        K::IsSuccess => "is_success 与 error 没有说明结果",
        K::ReturnCode => "return_code 与 result_code 没有说明结果",
        K::Documented204 => "HTTP 状态为 200，应为 204",
        K::Content204 => "HTTP 状态 204 却带有内容",
        K::HttpCode => "HTTP 状态 {status} {code}，原文“{words}”",
        K::HttpNoCode => "HTTP 状态 {status}，没有返回码，原文“{words}”",
        K::AlipayBusy => "支付宝返回 {code}，原文“{words}”",
        K::AlipayBusyCode => "支付宝返回 {code}",
        K::WechatBusy => "微信支付返回 {code}，原文“{words}”",
        K::UnionpayBusy => "银联返回 {code}，原文“{words}”",
        K::SignedCode => "已签名的返回码 {code}，{sub_code}，原文“{words}”",
        K::UnsignedCode => "未签名的返回码 {code}，{sub_code}，原文“{words}”",
        K::UnsignedRefusal => "未签名的返回码 {code}，原文“{words}”",
        // The order or payment in a message.
        K::OtherOrder | K::OtherOrderId => "应答中的订单号为 {found}，应为 {expected}",
        K::OtherField => "应答中的 {field} 为 {found}，应为 {expected}",
        K::OtherMerchant => "应答属于另一个商户，与 merId 不一致",
        K::OtherRefund => "应答中是另一笔退款",
        K::OtherRefundFee => "{field} 与申请的退款金额不一致",
        K::RefundAbsent => "应答中没有这笔退款",
        K::EmptyOrder => "订单应答没有内容",
        K::EmptyRefund => "退款应答没有内容",
        // Platform certificates.
        K::EmptyCertificates => "证书列表没有内容",
        K::NoList => "缺少 data，或它不是列表",
        K::TooManyCertificates => "证书超过 {certificates_max} 个",
        K::NoValidCertificate => "没有仍在有效期内的证书",
        K::ItemNotJson => "其中一项不是约定的 JSON（{why}）",
        K::ItemWithout => "其中一项缺少 {field}",
        K::ItemDamaged => "证书{problem}",
        K::ItemSeveral => "其中一项含有多张证书",
        K::OtherSerial => "serial_no 与证书的序列号不一致",
        K::OwnCertificate => "其中有商户自己的证书",
        K::CertificateUnusable => "{problem}",
        // Encrypted content.
        K::SealAlgorithm => "加密算法不是 AEAD_AES_256_GCM",
        K::SealNonce => "nonce 不是 12 字节",
        K::SealData => "associated_data 不是文本",
        K::SealNotUtf8 => "内容不是 UTF-8",
        K::SealBlocks => "req_info 的长度不正确",
        K::SealNotJson => "不是约定的 JSON（{why}）",
        // The subject of a notify.
        K::AnswerToQuery => "这是查询的应答，不是通知",
        K::NoRefund => "它不是退款的通知",
        K::ForeignRefund => "orderId 和 reqReserved 不属于本系统发起的退款",
        K::ForeignMerchant => "merId 是另一个商户的",
        K::ForeignOrder => "orderId 不是本系统的订单号",
        K::StrangeEvent => "此地址不接收 {event} 事件",
        K::ReturnCodeFails => "return_code 不是 SUCCESS",
        K::AlipayRefundNotify => "支付宝的退款结果在支付通知中，没有单独的退款通知",
        K::AlipayReturn => "支付宝的页面会自行跳转回商户",
        K::WechatReturn => "微信支付不会把浏览器跳转回来",
        K::FormerForm => "通知使用旧接口格式，但订单是切换接口之后创建的",
        // Bills.
        K::EmptyBill => "对账单应答没有内容",
        K::BillNotYet => "当天有收款或退款，但渠道还没有生成对账文件",
        K::BillHash => "hash_type 不是 SHA1",
        K::BillAddress => "对账单的下载地址不可用",
        K::BillContent => "成功应答没有 fileContent",
        K::BillPacking => "对账单无法解压（{why}）",
        K::BillCutOff => "对账单不完整，缺少末尾的合计",
        K::BillColumn => "对账单没有“{column}”一列",
        K::BillHeading => "对账单没有表头",
        K::BillFile => "其中没有名称含 ZM_ 的文件",
        K::BillUnreadable => "对账单中有超过 {lines_max} 行无法读取，第一处：{problem}",
        K::BillOrder => "订单 {order} 在对账单中的行数过多",
        K::BillHttp => "下载对账单时返回 HTTP 状态 {status}",
    }
}

#[rustfmt::skip]
pub(crate) fn trust(kind: TrustProblemKind) -> &'static str {
    use TrustProblemKind as K;
    match kind {
        K::NotValid => "在 {at} 无效",
        K::NotIssued => "不是由中级证书签发的",
        K::MiddleNotValid => "签发它的中级证书在 {at} 无效",
        K::RootNotValid => "签发它的中级证书的根证书在 {at} 无效",
        K::CommonNames => "有 {count} 个通用名，应只有一个",
        K::OtherOwner => "它属于“{found}”，而不是“{expected}”",
        K::TooLong => "超过 {bytes_max} 字节",
        K::Several => "有 {count} 个，应只有一个",
        K::Unfit => "{problem}",
    }
}

#[rustfmt::skip]
pub(crate) fn line(kind: LineProblemKind) -> &'static str {
    use LineProblemKind as K;
    match kind {
        K::TooLong => "比对账单中任何一行都长",
        K::TooLongOfFile => "比文件中任何一行都长",
        K::TooFewCells => "只有 {found} 个单元格，表头有 {columns} 列",
        K::CellsUnfit => "共 {found} 个单元格，与表头的 {columns} 列对应不上",
        K::CellUnclear => "无法确定哪个单元格是“{column}”",
        K::AmountUnclear => "无法确定哪个单元格是金额",
        K::CellEmpty => "“{column}”为空",
        K::Amount => "金额无法读取（{why}）",
        K::ColumnMisplaced => "第 {column} 列位置不对",
        K::NoQueryId => "第 10 列须为 queryId",
        K::NoAmount => "第 7 列须为金额，内容是“{found}”",
    }
}

#[rustfmt::skip]
pub(crate) fn refund(kind: RefundWordsKind) -> &'static str {
    use RefundWordsKind as K;
    match kind {
        K::Closed => "退款已关闭",
        K::PayersAccount => "付款人账户无法收款，请在微信支付商户平台处理",
    }
}

#[rustfmt::skip]
pub(crate) fn unable(kind: UnableKind) -> &'static str {
    use UnableKind as K;
    match kind {
        // Channels.
        K::NoCall => "{channel} 下单时不调用渠道接口，没有应答",
        K::NotAlipays => "{channel} 不是支付宝的渠道",
        K::NotWechats => "{channel} 不是微信支付的渠道",
        K::NotUnionpays => "{channel} 不是银联的渠道",
        K::NotOfMapi => "旧接口（mapi）没有 {channel}，ali_qrcode 请使用 openapi",
        K::OtherTab => "{channel} 在 {expected} 中配置，而这里是 {tab}",
        K::OtherChannel => "{channel} 不是这份配置的渠道，这份配置属于 {own}",
        // Required members of a message.
        K::Openid => "{channel} 缺少 openid",
        K::ClientIp => "{channel} 缺少客户端 IP",
        K::ReturnUrl => "缺少 returnUrl：银联支付完成后要跳转到此地址",
        K::NotifySign => "通知地址含有 {sign}，本系统的公网地址不能含有它",
        K::Address => "请求的地址无法写出（{why}）",
        K::Request => "请求无法写出（{why}）",
        // Closing, refunds and bills.
        K::NoClosing => "银联不支持关单：未支付的订单到 payTimeout 自动失效，已支付的请撤销或退款",
        K::UndoesWhole => "银联只能整笔撤销，部分退回请用退款",
        K::AlipayUndoes => "支付宝只能通过退款退回",
        K::WechatUndoes => "微信支付只能通过退款退回",
        K::QueryIdNeeded => "银联退款需要原交易的 queryId",
        K::NotifyNeeded => "银联退款需要通知地址",
        K::MapiRefunds => "旧接口（mapi）只能在支付宝商家中心退款",
        K::MapiBills => "旧接口（mapi）没有对账单",
        // Certificates.
        K::AlipayCertificates => "支付宝的证书需要配置，不能自动获取",
        K::UnionpayCertificates => "银联的报文自带证书",
        K::V2Certificates => "v2 使用 API 密钥签名，没有可获取的证书",
    }
}

#[rustfmt::skip]
pub(crate) fn check(kind: CheckWordsKind) -> &'static str {
    use CheckWordsKind as K;
    match kind {
        K::Unverified => "渠道的应答无法验签",
        K::RefusedBefore => "渠道已拒绝（{code}），未检查到此项",
        K::Silent => "渠道没有应答",
        // Alipay.
        K::OnlyAPaymentNames => "只有支付结果中才有卖家账号",
        K::UnsignedAnswer => "支付宝对不存在的订单不签名，收到通知时才能确认",
        // WeChat Pay.
        K::OnlyAPaymentShows => "只有发起支付才能确认它是否与商户号绑定",
        K::SignedByCertificate => "微信支付这次用平台证书签名",
        K::OtherCertificates => "其中有些不在微信支付当前使用的证书之列；当前的证书已自动获取",
        K::NoCertificates => "微信支付没有返回证书，无法比对",
        K::NothingToOpen => "该商户没有可用于解密的平台证书，收到通知时才能确认",
        K::CertificatesRefused => "微信支付拒绝返回证书（{code}）",
        K::CertificatesUnread => "无法读取微信支付的证书：{problem}",
        K::SignRefused => "微信支付拒绝了由商户号、证书序列号和私钥共同生成的签名，原文“{words}”",
        K::PfxOpens => "可用密码打开；只有发起退款才能确认微信支付是否接受",
        // UnionPay.
        K::FilesOnceADay => "只提供已结束日期的对账文件，每天调用一次",
    }
}
