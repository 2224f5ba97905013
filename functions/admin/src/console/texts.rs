//! Every text of the console in both languages. It is one table, so that no text can be missing in one language.

use super::preferences::Language;

macro_rules! texts {
    ($($name:ident: $zh:literal, $en:literal;)*) => {
        /// The texts of one language.
        #[derive(Debug)]
        pub(crate) struct Texts { pub(crate) language: Language, $(pub(crate) $name: &'static str,)* }
        const ZH: Texts = Texts { language: Language::Zh, $($name: $zh,)* };
        const EN: Texts = Texts { language: Language::En, $($name: $en,)* };
        #[cfg(test)]
        const ALL: &[(&str, &str, &str)] = &[$((stringify!($name), $zh, $en),)*];
    };
}

/// The texts of a language.
pub(crate) fn of(language: Language) -> &'static Texts {
    match language {
        Language::Zh => &ZH,
        Language::En => &EN,
    }
}

/// Puts `parts` in place of each `{}`, in order.
pub(crate) fn fill(pattern: &str, parts: &[&str]) -> String {
    let mut pieces = pattern.split("{}");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for (place, piece) in pieces.enumerate() {
        text.push_str(parts.get(place).copied().unwrap_or_default());
        text.push_str(piece);
    }
    text
}

#[rustfmt::skip]
texts! {
    // The frame.
    skip: "跳到内容", "Skip to content";
    unreadable: "有 {} 条数据无法读取，本页未包含：{}", "{} stored items cannot be read and are missing here: {}";
    app: "应用", "App";
    choose_app: "选择应用", "Choose an app";
    all_apps: "全部应用", "All apps";
    mode: "环境", "Mode";
    live: "正式", "Live";
    test: "测试", "Test";
    zone: "时区", "Time zone";
    apply: "应用", "Apply";
    account: "我的账号", "My account";
    operators: "操作员", "Operators";
    audit: "操作日志", "Audit log";
    dead_letters: "死信", "Dead letters";
    sign_out: "退出登录", "Sign out";
    guides: "使用指南", "Guides";
    guide: "使用指南：", "Guide:";
    guide_part: "{}：{}", "{}: {}";
    navigation: "主导航", "Main navigation";
    operations: "运营", "Operations";
    set_up: "设置", "Set-up";
    transactions: "交易管理", "Transactions";
    channels: "渠道配置", "Channels";
    settings: "应用设置", "App settings";
    apps: "应用", "Apps";
    comma: "、", ", ";
    // Sign-in.
    sign_in_title: "登录 MaxPay 控制台", "Sign in to the MaxPay console";
    sign_in: "登录", "Sign in";
    sign_in_wrong: "用户名或密码不正确", "The user name or the password is wrong";
    sign_in_wait: "尝试次数过多，请在 {} 秒后再试", "Too many tries; wait {} seconds and try again";
    code: "验证码", "Code";
    code_wrong: "验证码不正确，或已被使用", "This code is wrong, or was already used";
    code_or_recovery: "请输入身份验证器应用中的 6 位验证码，也可以输入一个恢复码。", "The six digits that your authenticator app shows, or one of your recovery codes.";
    code_of_app: "扫码后，身份验证器应用中显示的 6 位数字。", "The six digits that the app shows once it has the QR code.";
    second_factor: "两步验证", "Two-step sign-in";
    second_factor_text: "用手机上的身份验证器应用扫描二维码，以后登录时除密码外还需输入验证码。", "Scan this with an authenticator app. The sign-in then asks for a code beside the password.";
    second_factor_by_hand: "无法扫码时，请在应用中手动输入此密钥：", "If you cannot scan it, type this key into the app:";
    second_factor_demanded: "所有者要求开启两步验证，完成设置后才能继续。", "An owner requires two-step sign-in. Set it up to continue.";
    second_factor_is_on: "两步验证已开启。", "Two-step sign-in is on.";
    second_factor_on: "开启", "Switch it on";
    second_factor_off: "关闭两步验证", "Switch it off";
    second_factor_set_up: "设置两步验证", "Set it up";
    second_factor_is_demanded: "所有操作员都必须使用两步验证。", "Every operator must use two-step sign-in.";
    second_factor_is_optional: "两步验证由操作员自行决定。", "Each operator decides about two-step sign-in.";
    second_factor_demand: "要求所有操作员开启", "Require it for everybody";
    second_factor_make_optional: "改为自愿开启", "Leave it to each operator";
    second_factor_reset: "重置两步验证", "Reset two-step sign-in";
    second_factor_reset_text: "操作员丢失手机且没有恢复码时使用；重置后其登录立即失效。", "For an operator who lost the phone and has no recovery code. Their sessions end at once.";
    qr_code: "两步验证二维码", "QR code for two-step sign-in";
    factor_on: "已开启", "On";
    factor_off: "未开启", "Off";
    recovery_code: "恢复码 {}", "Recovery code {}";
    recovery_codes: "恢复码", "Recovery codes";
    recovery_left: "剩余恢复码：{} 个。", "{} recovery codes are left.";
    apps_seen: "可见的应用", "Apps they see";
    apps_seen_hint: "每行一个应用 ID；留空表示全部应用。所有者始终可见全部应用。", "One app ID per line. Leave it empty for all apps. Owners see every app.";
    apps_count: "{} 个应用", "{} of the apps";
    name: "名称", "Name";
    user_name: "用户名", "User name";
    password: "密码", "Password";
    // Errors.
    to_front: "返回首页", "To the front page";
    not_found: "没有这个页面", "There is no such page";
    not_found_text: "您要找的内容不存在，或已被删除。", "This page does not exist, or was deleted.";
    expired: "表单已过期", "This form has expired";
    expired_text: "您的登录已过期，或表单来自另一次登录。请返回并刷新页面后重试，没有任何内容被修改。", "Your session has ended, or the form belongs to another session. Go back, reload the page and try again. Nothing was changed.";
    too_long: "内容过大", "The content is too long";
    too_long_text: "提交的内容超过 1 MB。", "The form is longer than 1 MB.";
    no_form: "无法读取表单", "The form cannot be read";
    no_form_text: "提交的内容不完整，请返回后重试。", "The form arrived incomplete. Go back and try again.";
    forbidden: "没有权限", "You may not do this";
    forbidden_text: "此操作需要“{}”角色，请联系所有者。", "This needs the role “{}”. Ask an owner for it.";
    failed: "系统暂时不可用", "The system is not available";
    failed_text: "请稍后重试；详细原因已写入日志。", "Try again in a moment. The log has the details.";
    refused: "无法完成", "That did not work";
    // Roles.
    role_word: "角色", "Role";
    roles_text: "只读：查看一切。操作员：退款、关单、Webhook 与重发。所有者：应用、密钥、渠道、人员与操作日志。", "Viewer: look at everything. Operator: refunds, closing, webhooks and resending. Owner: apps, keys, channels, people and the audit log.";
    // Apps.
    app_id: "应用 ID", "App ID";
    created: "创建时间", "Created";
    new_app: "新建应用", "New app";
    new_app_text: "应用即一个商户的店铺，有自己的密钥、渠道与 Webhook。", "An app is a merchant's shop, with keys, channels and webhooks of its own.";
    app_name: "应用名称", "App name";
    app_made: "应用已创建", "The app was created";
    no_apps: "还没有应用", "No apps yet";
    no_apps_text: "新建一个应用，然后配置渠道，即可开始收款。", "Create one, set up a channel, and take the first payment.";
    search_apps: "应用名称或 ID", "Name or ID of an app";
    no_such_apps: "没有符合条件的应用", "No app matches";
    no_such_apps_text: "请检查名称或应用 ID。", "Check the name or the ID.";
    search_on: "目前还没有找到，可继续查找下一页。", "Nothing found so far. Continue with the next page.";
    create: "创建", "Create";
    cancel: "取消", "Cancel";
    keys_once: "密钥只显示这一次，请立即妥善保存。", "The keys are shown only this once. Save them now.";
    keys_kept: "我已保存", "I have saved them";
    // Payment links, and the page that payers see.
    payment_links: "付款链接", "Payment links";
    new_link: "新建付款链接", "New payment link";
    new_link_text: "发给付款人的网页，微信、支付宝、云闪付都能付，付款后在“交易管理”里查看。", "A page for a payer, who can pay with WeChat, Alipay or UnionPay. Payments show up in Transactions.";
    link_fee: "金额（元）", "Amount (yuan)";
    link_subject: "标题", "Subject";
    link_bill_text: "留空则自动生成", "Generated if empty";
    link_return: "付款后返回的网址", "Where the payer goes afterwards";
    half_hour: "30 分钟", "30 minutes";
    two_hours: "2 小时", "2 hours";
    make_link: "生成链接", "Create the link";
    link_made: "付款链接已生成", "The payment link was created";
    link: "链接", "Link";
    link_code: "付款链接的二维码", "QR code of the payment link";
    link_until: "有效期至", "Valid until";
    copy_link: "复制链接", "Copy the link";
    copied: "已复制", "Copied";
    open_link: "打开", "Open";
    checkout_look: "收银台外观", "Look of the page";
    checkout_look_text: "付款人看到的网页。", "The page that payers see.";
    merchant_name: "商户名称", "Merchant's name";
    brand_color: "主按钮颜色", "Colour of the main button";
    frame_origins: "允许嵌入的网站", "Sites that may show it in a frame";
    frame_origins_text: "每行一个来源，留空则不允许嵌入。", "One origin a line. If empty, no site may.";
    logo: "标志（SVG 或 PNG，最大 64 KB）", "Logo (SVG or PNG, up to 64 KB)";
    no_logo: "还没有上传。", "None yet.";
    logo_is_set: "当前格式：", "Its kind now:";
    upload: "上传", "Upload";
    remove_logo: "删除标志", "Remove the logo";
    verification_files: "微信校验文件", "WeChat's verification files";
    verification_files_text: "在公众平台设置网页授权域名时下载的文件，上传后可在域名根目录访问，对所有应用有效。", "The file that WeChat's Official Accounts Platform gives for its web authorization domain. It is served at the root of the domain, for all apps.";
    verification_file: "文件名", "Name of the file";
    remove: "删除", "Remove";
    // App settings.
    keys: "密钥", "Keys";
    client_key: "客户端密钥", "Client key";
    client_key_text: "可放在 App 或网页中，只能下单和按订单号查询。", "Can be used in apps and web pages. It can charge, and query a bill by its number.";
    master_key: "主密钥", "Master key";
    master_key_text: "只放在服务器上；保存后不再显示。", "For servers only. It is never shown again.";
    old_key_until: "旧密钥有效至 {}", "The old key works until {}";
    rotate: "更换密钥", "Rotate a key";
    rotate_text: "新密钥立即生效，旧密钥在宽限期内仍可使用。更换主密钥会立即作废所有会话令牌。", "The new key works at once. The old key keeps working during the grace period. Rotating the master key ends all session tokens at once.";
    rotate_confirm: "确定要更换吗？请先确认服务器可以更新密钥。", "Are you sure? First check that your servers can get the new key.";
    rotate_really: "确定更换", "Rotate it";
    which_key: "哪个密钥", "Which key";
    grace: "旧密钥宽限期", "Grace period of the old key";
    at_once: "立即失效", "None: it ends at once";
    ten_minutes: "10 分钟", "10 minutes";
    hour: "1 小时", "1 hour";
    day: "1 天", "1 day";
    week: "7 天", "7 days";
    key_made: "新密钥已生效", "The new key works";
    rename: "改名", "Rename";
    shards: "分片数", "Shards";
    charges_per_minute: "客户端密钥每分钟下单上限", "Charges per minute with a client key";
    open_bills: "客户端密钥允许的未支付订单上限", "Open bills that a client key may have";
    client_prices: "客户端能否自行定价", "Who sets the price";
    client_prices_any: "可以：客户端可创建新订单", "Clients can create bills at any price";
    client_prices_server: "不可以：只能支付服务端已下单的订单", "Clients can only pay bills that the server charged";
    client_prices_text: "客户端密钥是公开的，任何人都能用它以任意金额下单。建议先由服务端用主密钥下单，客户端只负责支付。", "A client key is public: anyone can charge any bill with it at any price. Charge on your server first, with the master key, and let clients only pay.";
    duplicates: "重复付款、金额不符的付款", "Second payments, and payments at another price";
    duplicates_stay: "保留，由人工处理", "Keep them; a person decides";
    duplicates_back: "自动原路退回", "Refund them automatically";
    client_bounds_text: "客户端密钥是公开的，任何人都能用它下单。达到上限时下单返回错误码 5；主密钥不受限制。留空表示不限。", "A client key is public, and anyone can charge with it. At a limit, charges answer code 5. The master key has no limit. Leave a field empty for no limit.";
    shards_text: "一般为 1。每个渠道每秒超过 400 笔时调大：24 可承受每秒 10,000 笔；列表查询的费用随之增加。", "1 for most apps. Use more for over 400 bills a second on one channel: 24 take 10,000. Lists then cost more.";
    quick_start: "快速开始", "Quick start";
    quick_start_text: "复制到终端即可下单并查询（使用当前环境的客户端密钥）：", "Paste this into a terminal to charge and to query. It uses the client key of this mode:";
    session_maker: "会话令牌", "Session token";
    session_maker_text: "给客户端试用的短期令牌，权限与客户端密钥相同。", "A short-lived token for a client to try, with the rights of the client key.";
    session_token: "会话令牌", "Session token";
    lasts: "有效期", "Lasts";
    user_id: "用户 ID（可选）", "User ID (optional)";
    make_token: "生成令牌", "Create a token";
    token_made: "令牌已生成", "The token was created";
    only_owners: "只有所有者可以修改。", "Only owners can change this.";
    only_operators: "只有操作员和所有者可以操作。", "Only operators and owners can do this.";
    // Transactions.
    search: "搜索", "Search";
    search_hint: "商户订单号或平台交易号", "Bill number or ID";
    status: "状态", "Status";
    channel: "渠道", "Channel";
    time: "时间", "Time";
    from: "从", "From";
    to: "到", "To";
    show: "查看", "Show";
    reset: "清除", "Clear";
    bill: "商户订单号", "Bill number";
    transaction_id: "平台交易号", "Transaction ID";
    amount: "金额", "Amount";
    pages: "分页", "Pages";
    first_page: "回到第一页", "First page";
    next_page: "下一页", "Next page";
    every_status: "所有状态", "Every status";
    every_channel: "所有渠道", "Every channel";
    any_time: "所有时间", "Any time";
    today: "今天", "Today";
    days_7: "最近 7 天", "Last 7 days";
    days_30: "最近 30 天", "Last 30 days";
    days_60: "最近 60 天", "Last 60 days";
    own_range: "自定义", "Custom";
    wrong_day: "日期须为 年-月-日，例如 2026-11-23", "A day must be year-month-day, such as 2026-11-23";
    range_backwards: "结束日期早于开始日期", "The range ends before it begins";
    no_transactions: "还没有交易", "No transactions yet";
    no_transactions_text: "第一笔下单后会显示在这里。“应用设置”中有可直接复制的示例。", "The first charge will appear here. App settings have an example to copy.";
    nothing_fits: "没有符合条件的交易", "Nothing matches";
    nothing_fits_text: "放宽条件，或切换正式/测试环境后再试。", "Use fewer filters, or look in the other mode.";
    refunded_part: "已退 {}", "{} refunded";
    refunded: "已退金额", "Refunded";
    details: "详情", "Details";
    life: "时间线", "Time line";
    extras: "附加数据", "Extras";
    other_tries: "同一订单的其他交易", "Other tries of this bill";
    subject: "商品", "Subject";
    trade_no: "渠道交易号", "Provider's number";
    expires: "支付截止", "Payable until";
    step_charged: "下单", "Charged";
    step_paid: "支付成功", "Paid";
    step_closed: "关闭，未支付", "Closed unpaid";
    genuine_incidents: "全部（不含验签失败的通知）", "All verified ones";
    forged_not_kept: "最近有记录的 24 个小时内，另有 {} 条验签失败的通知未保留。", "{} more messages that could not be verified were not kept, in the latest 24 hours that had any.";
    incident_other: "异常", "Incident";
    // Channels.
    configured: "已配置", "configured";
    serves: "用于：{}", "Serves: {}";
    protocol: "接口版本", "Protocol";
    simulator_text: "使用本地内置模拟器，无需任何密钥，不会产生真实扣款。", "Uses the built-in simulator. It needs no keys, and no real money moves.";
    saved_secret: "已保存，留空则不变", "Saved; leave it empty to keep it";
    or_file: "或上传文件", "or upload a file";
    remove_saved: "删除已保存的内容", "Remove what is saved";
    save: "保存", "Save";
    check: "检查", "Check";
    delete: "删除", "Delete";
    delete_really: "确定删除", "Delete it";
    delete_channel_text: "删除后此渠道不能再下单，已下单的付款也无法确认和退款，直到重新保存这些设置；历史交易仍可查询。", "This channel takes no more charges. Payments that were charged on it cannot be confirmed or refunded until these settings are saved again. Past transactions stay.";
    channel_accounts: "账户", "Accounts";
    channel_accounts_text: "设置换成另一个应用或商户号，就是另一个账户。用旧账户下的单仍由旧账户收通知、查询和退款。", "Settings of another app or merchant number are another account. Payments that were charged on the old account are still reported, queried and refunded there.";
    account_number: "账户 {}", "Account {}";
    account_current: "使用中", "In use";
    account_deleted: "设置已删除", "Settings deleted";
    account_kept: "保留中", "Kept";
    account_retired: "已停用", "Retired";
    account_hanging: "未支付 {} 笔，退款处理中 {} 笔", "{} open bills, {} pending refunds";
    account_cut: "数量较多，只统计了一部分", "There are many, and not all were counted";
    account_last_use: "最近下单 {}", "Last charged {}";
    account_replaced: "{} 被替换", "Replaced {}";
    account_kept_until: "保留至 {}", "Kept until {}";
    account_former: "改用新协议前的订单，通知接收到 {}", "Notifies of orders of the old protocol are read until {}";
    retire: "停用", "Retire";
    retire_text: "停用后会删除这个账户的密钥，用它下的单不能再确认付款和退款，直到重新保存它的设置。", "The keys of this account are deleted. Payments that were charged on it cannot be confirmed or refunded until its settings are saved again.";
    forget_former: "不再接收", "Stop reading them";
    forget_former_text: "会删除旧协议的密钥。之前的订单如果付款，要等查询时才能确认。", "The key of the old protocol is deleted. Payments of its orders are confirmed only when the provider is queried.";
    see_field: "有一项需要修改，见下方说明。", "One field needs a change, see below.";
    check_verified: "检查通过：签名成功，渠道的应答已验签。", "All checks passed: we sign, the provider answers, and its signature is verified.";
    check_accepted: "检查通过：渠道接受了签名。此接口的这类应答不带签名，因此渠道的签名尚未验证。", "All checks passed: the provider accepts our signature. This interface does not sign such an answer, so the provider's own signature was not verified.";
    check_wrong: "渠道有应答，但以下配置有误。", "The provider answers, but some settings are wrong.";
    check_refused: "渠道拒绝了请求，渠道原文：“{}”。请核对账号与上传到渠道的公钥。", "The provider refused; its words: “{}”. Check the account, and the public key that you uploaded to the provider.";
    check_unclear: "渠道的应答无法验签：{}。请核对渠道公钥或证书。", "The provider's answer cannot be verified: {}. Check the provider's key or certificate.";
    check_unreachable: "暂时无法连接渠道，配置未能检查，请稍后再试。", "The provider cannot be reached now, so nothing was tested. Try again later.";
    check_tested: "已验证", "Tested";
    check_untestable: "无法验证", "Not tested";
    check_bad: "有误", "Wrong";
    type_again: "为安全起见不会回显，保存前请重新填写。", "For safety, what you typed is not shown again. Type it once more before you save.";
    certificates_end: "证书有效期至 {}。", "The first certificate ends {}.";
    certificates_end_soon: "{} 的证书有效期至 {}，请尽快更换，否则到期后无法收款。", "{}: a certificate ends on {}. Replace it, or payments stop on that day.";
    // People.
    state: "状态", "State";
    change: "修改", "Change";
    you: "您", "you";
    enabled: "启用", "Enabled";
    disabled: "停用", "Disabled";
    new_operator: "新增操作员", "New operator";
    operator_name_hint: "小写字母开头，可含数字、点、横线。", "Lower case. Begin with a letter; digits, dots and dashes may follow.";
    password_hint: "10 到 128 个字符。", "10 to 128 characters.";
    new_password_optional: "新密码（留空不变）", "New password (empty: as before)";
    change_password: "修改密码", "Change the password";
    change_password_text: "修改后，其他设备上的登录会立即失效。", "Sessions on other devices end at once.";
    old_password: "当前密码", "Current password";
    new_password: "新密码", "New password";
    password_again: "再次输入新密码", "New password again";
    passwords_differ: "两次输入的密码不一致", "The two passwords are not the same";
    // The audit log.
    dead_letters_text: "同一条消息连续四次因系统自身故障处理失败后会进入死信队列。数据没有丢失，系统稍后会自动补发；故障排除后可在此立即重新投递。", "A message becomes a dead letter when it failed four times in a row for a fault of our own. Nothing is lost: the system does the work later by itself. Once the fault is mended, you can take the messages back at once.";
    dead_letters_count: "共约 {} 条，下面列出其中一部分。", "There are about {}. Some of them are shown.";
    no_dead_letters: "没有死信", "There are no dead letters";
    take_back: "全部重新投递", "Take all back";
    sent_at: "发送时间", "Sent";
    which_attempt: "第几次发送", "Attempt";
    audit_text: "每一次修改与登录：谁、何时、做了什么，密钥已隐去。同一地址一小时内的登录失败合并为一条。", "Every change and every sign-in: who, when, and what, with secrets masked. Sign-ins that failed at one address within an hour are one entry.";
    month: "月份", "Month";
    no_audit: "这个月没有记录", "Nothing in this month";
    who: "操作人", "Who";
    what: "操作", "What";
    target: "对象", "Target";
    outcome: "结果", "Outcome";
    before_after: "修改前后", "Before and after";
    before: "修改前", "Before";
    after: "修改后", "After";
    outcome_done: "完成", "Done";
    outcome_refused: "被拒绝", "Refused";
    outcome_failed: "失败", "Failed";
    outcome_begun: "未知", "Unknown";
    action_create_app: "新建应用", "Created an app";
    action_change_app: "修改应用", "Changed an app";
    action_replay_incident: "重新核对异常", "Checked an incident again";
    action_rotate_key: "更换密钥", "Rotated a key";
    action_create_session: "生成会话令牌", "Created a session token";
    action_save_channel: "保存渠道", "Saved a channel";
    action_check_channel: "检查渠道", "Checked a channel";
    action_delete_channel: "删除渠道", "Deleted a channel";
    action_retire_account: "停用账户", "Retired an account";
    action_create_webhook: "新增 Webhook", "Created a webhook";
    action_rotate_webhook_secret: "更换 Webhook 签名密钥", "Rotated a webhook's secret";
    action_delete_webhook: "删除 Webhook", "Deleted a webhook";
    action_create_operator: "新增操作员", "Created an operator";
    action_change_operator: "修改操作员", "Changed an operator";
    action_end_sessions: "退出登录", "Signed out";
    action_sign_in: "登录", "Signed in";
    action_recover: "用恢复码登录", "Signed in by a recovery code";
    action_enter_code: "输入两步验证码", "Entered a code";
    action_enrol_factor: "开启两步验证", "Set up two-step sign-in";
    action_reset_factor: "关闭两步验证", "Switched two-step sign-in off";
    action_make_checkout: "生成付款链接", "Made a payment link";
    action_change_checkout: "修改收银台外观", "Changed how checkouts look";
    action_save_logo: "上传收银台图标", "Saved the logo of checkouts";
    action_delete_logo: "删除收银台图标", "Deleted the logo of checkouts";
    action_save_file: "添加微信域名校验文件", "Saved a verification file";
    action_delete_file: "删除微信域名校验文件", "Deleted a verification file";
    action_change_rules: "修改登录要求", "Changed the sign-in rules";
    unknown_name: "不存在的用户名", "A name that does not exist";
    unknown_address: "未知地址", "unknown address";
    many_addresses: "多个地址", "many addresses";
    times: "{} 次", "{} times";
    action_change_webhook: "修改 Webhook", "Changed a webhook";
    action_switch_webhook: "切换 Webhook 环境", "Switched a webhook";
    action_test_webhook: "测试 Webhook", "Tested a webhook";
    action_ask_for_day: "重新对账", "Had a day compared again";
    action_resend_delivery: "重新发送通知", "Sent a delivery again";
    action_replay_webhook: "批量重发通知", "Replayed a webhook";
    action_take_back: "重新投递死信", "Took dead letters back";
    action_ask_provider: "向渠道查单", "Queried the provider";
    action_close_transaction: "关闭订单", "Closed a transaction";
    action_refund_transaction: "退款", "Refunded a transaction";
    action_give_up_refund: "放弃退款", "Gave up a refund";
    action_other: "其他", "Something else";
    // Export.
    export: "导出 CSV", "Export CSV";
    export_text: "按当前筛选条件导出，从最新的一笔开始。", "Exports the filtered transactions, the latest first.";
    export_all: "全部导出", "Export everything";
    export_resume: "从中断处继续", "Continue from there";
    export_progress: "导出进度", "Progress of the export";
    export_begun: "正在导出，已完成 {} 笔……", "Exporting, {} rows so far...";
    export_going: "已导出 {} 笔，到 {}，时间范围的 {}", "{} rows, down to {}: {} of the time range";
    export_done: "导出完成，共 {} 笔，文件已保存。", "Done: {} rows in one file.";
    export_failed: "连接中断，已导出 {} 笔。可从中断处继续。", "The connection failed after {} rows. You can continue from there.";
    export_unreadable: "此条数据无法读取（{}），未计入本文件", "This item cannot be read ({}) and is missing in this file";
    export_stopped: "已取消，没有保存文件。", "Cancelled; no file was saved.";
    export_parts: "分部分下载", "Part by part";
    export_first: "从最新的一笔开始，每部分最多 2,000 笔。", "From the latest on, at most 2,000 rows per part.";
    export_safe: "以 = + - @ 开头的内容会加上单引号，避免被表格软件当作公式。", "A text that begins with = + - @ gets an apostrophe, so that no spreadsheet takes it for a formula.";
    export_part: "下载这一部分", "Download this part";
    export_next: "下一部分", "Next part";
    export_reached: "从 {} 开始的部分，最多 2,000 笔。", "The part from {} on, at most 2,000 rows.";
    done_exported: "导出完成，没有更多内容。", "That was the last part.";
    ended: "结束时间", "Ended";
    channel_code: "渠道代码", "Channel code";
    // Incidents.
    incidents_text: "渠道通知与订单不一致、重复支付，以及未完成对账的日期。验签失败的通知单独列出：任何人都能发送。保留 90 天。", "Reports that do not match their bill, bills that were paid twice, and days that were not compared with the provider's bill. Messages that could not be verified are listed apart, because anyone can send them. Kept for 90 days.";
    no_incidents: "没有异常", "No incidents";
    no_incidents_text: "一切正常。", "Everything is in order.";
    kind: "类型", "Kind";
    what_is_wrong: "原因", "What is wrong";
    actions: "操作", "Actions";
    check_again: "重新核对", "Check again";
    done_replayed: "已重新核对。", "It was checked again.";
    // Webhooks.
    webhook_what: "什么是 Webhook？", "What is a webhook?";
    webhook_what_1: "支付成功、退款、关闭等事件会推送到您指定的地址，便于后续处理。", "Events such as a payment, a refund or a closing are sent to an address of yours.";
    webhook_what_2: "测试模式接收测试环境的事件；正式模式接收真实交易的事件。", "Test webhooks receive events of the test mode; live webhooks receive those of real payments.";
    webhook_what_3: "每个通知都带有签名，请先验签再处理。", "Each message is signed. Verify the signature before you use the message.";
    webhook_what_4: "目标可以是 URL，也可以是云函数（AWS Lambda），无需自建服务器。失败后在 55 小时内最多重试 10 次。", "The target is a URL, or a cloud function (AWS Lambda) that needs no server. A failed message is sent up to 10 more times within 55 hours.";
    no_webhooks: "还没有 Webhook", "No webhooks yet";
    no_webhooks_text: "新增一个，支付成功后即可自动通知您的系统。", "Create one, and your system is notified of each payment.";
    new_webhook: "新增 Webhook", "New webhook";
    edit_webhook: "编辑 Webhook", "Edit the webhook";
    test_webhook: "测试 Webhook", "Test the webhook";
    test_webhook_text: "向目标发送一条示例数据（createdTime 为 0），不会产生通知记录。", "Sends sample data (createdTime 0) to the target. No delivery is recorded.";
    webhook_made: "Webhook 已创建", "The webhook was created";
    webhook_secret: "签名密钥", "Signing secret";
    secret_rotated: "签名密钥已更换", "The signing secret is rotated";
    rotate_secret: "更换签名密钥", "Rotate the signing secret";
    rotate_secret_text: "宽限期内，每个通知同时带有新旧两个密钥的签名，您可以随时切换。", "During the grace period each message is signed with both secrets, so you can change over at any time.";
    rotate_secret_confirm: "确定要更换吗？新密钥只显示一次。", "Are you sure? The new secret is shown only once.";
    secret_grace: "旧签名密钥宽限期", "Grace period of the old secret";
    old_secret_until: "旧签名密钥有效至 {}。", "The old secret signs until {}.";
    own_url: "自定义 URL", "URL";
    cloud_function: "云函数", "Cloud function";
    own_headers: "自定义请求头（可选）", "Custom headers (optional)";
    own_headers_hint: "每行一个，例如 Authorization: Bearer …；*** 表示保留已保存的值。", "One per line, such as Authorization: Bearer ...; *** keeps the saved value.";
    function_name: "函数名称或 ARN", "Name or ARN of the function";
    function_hint: "AWS Lambda；返回成功即视为收到。", "AWS Lambda. A result without an error means received.";
    events: "通知事件", "Events";
    event: "通知事件", "Event";
    try_it: "测试", "Test";
    edit: "编辑", "Edit";
    delete_webhook_text: "删除后不再发送，等待中的通知会被取消。", "Nothing more is sent, and waiting deliveries are cancelled.";
    paused: "已暂停", "Paused";
    paused_since: "连续失败，自 {} 起暂停；下次探测 {}", "It keeps failing. Paused since {}; next probe {}";
    request: "请求内容", "Request";
    request_text: "向您的目标发送以下请求：", "This is what was sent to your target:";
    response: "返回内容", "Response";
    response_text: "以下是您的目标返回的内容：", "This is what your target answered:";
    invoke: "调用 {}", "Invoke {}";
    nothing_came: "（空）", "(nothing)";
    received: "接收成功", "Received";
    not_received: "未收到", "Not received";
    // Deliveries.
    deliveries_text: "等待、重试或失败的通知。首次即送达的通知请在交易详情中查看。", "Deliveries that wait, are retried, or failed. A delivery that was received at the first attempt is shown at its transaction.";
    no_deliveries: "没有通知记录", "No deliveries";
    no_deliveries_text: "没有等待或失败的通知。", "No delivery waits or failed.";
    every_state: "所有状态", "Every state";
    every_webhook: "所有 Webhook", "Every webhook";
    next_attempt: "下次发送", "Next attempt";
    attempts: "发送记录", "Attempts";
    attempt_number: "第 {} 次", "Attempt {}";
    resend: "重新发送", "Resend";
    replay: "批量重发", "Replay";
    replay_since: "最近", "From the last";
    replay_text: "重新发送此 Webhook 在该时段内失败或等待中的通知，每次最多 500 条。", "Sends this webhook's failed and waiting deliveries again, up to 500 at a time.";
    days_90: "90 天", "90 days";
    deleted_webhook: "（已删除的 Webhook）", "(a deleted webhook)";
    done_taken_back: "已开始重新投递。", "The messages are being taken back.";
    done_resent: "已安排重新发送。", "It is being sent again.";
    // Actions on a transaction.
    ask_provider: "向渠道查单", "Query the provider";
    close_bill: "关闭订单", "Close it";
    close_text: "未支付的订单将在渠道关闭；如已支付则不会关闭。", "The unpaid bill is closed at the provider. If the provider says that it is paid, it is not closed.";
    close_really: "确定关闭", "Close it now";
    refund: "退款", "Refund";
    refund_fee: "退款金额（元）", "Amount (yuan)";
    refund_reason: "原因（可选）", "Reason (optional)";
    refund_really: "确定退款", "Refund it now";
    refund_text: "最多可退 {}。退款不可撤回。", "At most {}. A refund cannot be taken back.";
    wrong_amount: "请输入金额，例如 12.50", "An amount such as 12.50";
    done_asked: "已向渠道查单，以下是最新状态。", "The provider was queried. This is the present state.";
    done_closed: "订单已关闭。", "It is closed.";
    done_refunded: "退款已提交。", "The refund is under way.";
    step_refund: "退款", "Refund";
    step_refund_there: "渠道侧退款", "Refunded at the provider";
    step_refund_there_text: "在渠道的商户平台发起，时间见渠道记录。", "Begun in the provider's own console; its records say when.";
    operator_token: "运维令牌（API）", "Operator token (API)";
    step_event: "通知", "Event";
    refund_pending: "处理中", "pending";
    refund_success: "成功", "done";
    refund_stuck: "异常，需在渠道商户平台处理", "stuck; deal with it in the provider's merchant platform";
    refund_paused: "等待商户余额", "waits for your balance at the provider";
    give_up: "放弃退款", "Give it up";
    give_up_text: "先向渠道确认资金未动，再放弃；放弃后这部分金额可以重新退款。", "The provider is asked first whether any money moved. After that, this amount can be refunded again.";
    give_up_really: "确定放弃", "Give it up now";
    done_given_up: "退款已放弃。", "The refund is given up.";
    refund_failed: "失败", "failed";
    // Overview.
    overview: "概览", "Overview";
    deliveries: "通知记录", "Deliveries";
    incidents: "异常", "Incidents";
    webhooks: "Webhook 设置", "Webhooks";
    paid_amount: "支付金额", "Paid";
    paid_count: "支付笔数", "Payments";
    success_rate: "支付成功率", "Success rate";
    of_charged: "{} / {} 笔下单", "{} of {} charged";
    day_word: "日期", "Day";
    charged: "下单笔数", "Charged";
    by_day: "每日支付金额", "Paid by day";
    by_channel: "渠道占比", "Share of channels";
    share: "占比", "Share";
    webhook_health: "Webhook 状态", "Webhook state";
    failing: "投递异常", "Failing";
    slow: "响应慢", "Slow";
    slow_hint: "发往此目标的通知单独排队，不影响其他目标。", "Messages for this target wait in a queue of their own, and do not delay other targets.";
    well: "正常", "Well";
    refunded_amount: "已退金额", "Refunded";
    waiting_count: "等待重试", "Waiting";
    exhausted_count: "已放弃", "Given up";
    nothing_paid: "这段时间没有支付。", "There were no payments in this time.";
    oldest_waiting: "最早等待", "Oldest waiting";
    paused_count: "{} 个已暂停", "{} paused";
    failing_count: "{} 个投递异常", "{} failing";
    overview_cut: "今天的交易较多，只统计了从 {} 起的部分，带“≥”的数字不完整；今天结束后会得到完整数字。", "There are many transactions today, and not all were counted: figures with ≥ count from {} on. They will be complete when the day is over.";
    overview_not_yet: "有 {} 天尚未汇总，显示为“–”；每小时会自动补上。", "{} days are not summed yet and show as –. They follow hour by hour.";
    overview_cut_and_not_yet: "尚未汇总的交易较多：带“≥”的数字只统计了从 {} 起的部分，更早的 {} 天显示为“–”，每小时会自动补上。", "Many transactions are not summed yet: figures with ≥ count from {} on; {} days before show as –. They follow hour by hour.";
    overview_text: "按下单时间、以北京时间的自然日统计；金额为支付成功（含已退款）的订单金额。今天为实时数字，之前的日子在次日凌晨汇总，并在第 2、3、16、31、61、91 天再次汇总，以计入迟到的支付与退款。", "By the time of the charge, in days of Beijing. Amounts are of all paid bills, refunded or not. Today is live. A day is summed in the following night, and again after 2, 3, 16, 31, 61 and 91 days, to include late payments and refunds.";
    overview_summed: "最早的一次汇总：{}。", "The oldest of these sums was made {}.";
    days_90_last: "最近 90 天", "Last 90 days";
    // Messages after an action.
    done_saved: "已保存。", "Saved.";
    done_deleted: "已删除。", "Deleted.";
    done_password: "密码已修改。", "The password is changed.";
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::api::routes::{Effect, operations};

    fn is_han(c: char) -> bool {
        ('\u{4e00}'..='\u{9fff}').contains(&c)
    }

    #[track_caller]
    pub(crate) fn check_both(name: &str, zh: &str, en: &str) {
        // Texts that are the same in both languages.
        const SAME: [&str; 2] = ["comma", "guide_part"];
        assert!(!zh.trim().is_empty() && !en.trim().is_empty(), "{name}");
        assert!(!en.chars().any(is_han), "{name} is not English: {en}");
        assert!(zh.chars().any(is_han) || SAME.contains(&name), "{name} is not Chinese: {zh}");
        assert_eq!(zh.matches("{}").count(), en.matches("{}").count(), "{name}");
    }

    #[test]
    fn no_text_is_missing_in_either_language() {
        for (name, zh, en) in ALL {
            check_both(name, zh, en);
        }
    }

    #[test]
    fn parts_are_filled_in_in_order() {
        assert_eq!(fill("a {} b {}", &["1", "2"]), "a 1 b 2");
        assert_eq!(fill("a {} b {}", &["{}"]), "a {} b ");
        assert_eq!(fill("none", &["1"]), "none");
    }

    #[test]
    fn every_change_has_words_in_the_audit_log() {
        for operation in operations().filter(|operation| operation.effect == Effect::Change) {
            let name = operation.name;
            assert_ne!(EN.action(name), EN.action_other, "{name}");
        }
    }
}
