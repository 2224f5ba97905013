//! The help in Chinese. A row has the place of a text: the commands with blanks between them, and behind a point the argument's name.

use clap::{Arg, Command, error::ErrorKind};

/// Every text of the help.
#[rustfmt::skip]
const TEXTS: &[(&str, &str)] = &[
    ("maxpay",                          "在命令行里收款、查账、退款，调试 MaxPay 网关"),
    (".profile",                        "用哪个配置；不写就看 MAXPAY_PROFILE，都没有就用 default"),
    (".json",                           "输出 JSON：一般是一份，listen 和 tail 每行一份"),
    (".lang",                           "界面语言，不写就跟随系统"),
    ("login",                           "登录：保存网关网址和密钥"),
    ("login.url",                       "网关网址"),
    ("login.app_id",                    "应用 ID"),
    ("login.local",                     "本地网关的数据目录，网址和密钥都从里面取"),
    ("logout",                          "删除一个配置和其中的密钥"),
    ("profiles",                        "列出所有配置，不显示密钥"),
    ("charge",                          "在指定渠道下单"),
    ("charge.bill_num",                 "订单号"),
    ("charge.channel",                  "支付渠道"),
    ("charge.total_fee",                "金额，单位分"),
    ("charge.subject",                  "商品标题"),
    ("charge.return_url",               "付款后跳回的网址；ali_web、ali_qrcode、unipay_web 必填"),
    ("charge.show_url",                 "商品页网址"),
    ("charge.bill_timeout",             "多少秒内没付款就过期"),
    ("charge.qr_pay_mode",              "支付宝页面上二维码的样式"),
    ("charge.openid",                   "付款人的 openid；wx_jsapi、wx_lite 必填"),
    ("charge.client_ip",                "付款人的 IP；wx_h5 必填"),
    ("charge.extras",                   "自定义内容（JSON 对象），查单和回调时原样返回"),
    ("records",                         "查询支付记录"),
    ("records.bill_num",                "订单号；没有主密钥时必填"),
    ("records.channel",                 "只看这个渠道，或 ali、wx、unipay 之一"),
    ("records.status",                  "只看这个状态"),
    ("records.start_time",              "下单时间不早于（毫秒时间戳）"),
    ("records.end_time",                "下单时间不晚于（毫秒时间戳）"),
    ("records.skip",                    "跳过前几条"),
    ("records.limit",                   "最多几条，上限 100"),
    ("refund",                          "退款，可以全退，也可以分几次退"),
    ("refund.bill_num",                 "订单号"),
    ("refund.refund_fee",               "退款金额，单位分"),
    ("refund.refund_num",               "你自己的退款单号：同一个号只退一次"),
    ("refund.channel",                  "订单在几个渠道都付过款时，指明退哪个"),
    ("refund.id",                       "同一渠道付过几次时，指明支付单号"),
    ("refund.reason",                   "退款原因，付款人会看到"),
    ("close",                           "关闭没有付款的订单"),
    ("close.bill_num",                  "订单号"),
    ("close.channel",                   "只关这个渠道的"),
    ("sync",                            "马上向支付平台查单，以平台的结果为准"),
    ("sync.bill_num",                   "订单号"),
    ("sync.channel",                    "只查这个渠道的"),
    ("checkout",                        "生成收银台页面，付款人任选一种钱包付款"),
    ("checkout.bill_num",               "订单号"),
    ("checkout.total_fee",              "金额，单位分"),
    ("checkout.subject",                "商品标题"),
    ("checkout.return_url",             "付款后跳回的网址"),
    ("checkout.cancel_url",             "没付款就离开时跳回的网址"),
    ("checkout.channels",               "只提供这些渠道，逗号分隔"),
    ("checkout.expires_in",             "多少秒后页面失效"),
    ("checkout.locale",                 "页面语言"),
    ("checkout.extras",                 "自定义内容（JSON 对象），查单和回调时原样返回"),
    ("listen",                          "把事件转发到你本机的服务，应答 200 才算收到"),
    ("listen.forward_to",               "你的服务地址，如 localhost:3000/hooks；只写端口也行"),
    ("listen.events",                   "只要这些事件，逗号分隔；不写就是这个 webhook 订阅的全部事件"),
    ("listen.webhook",                  "有好几个 pull 类型的 webhook 时，指定用哪个"),
    ("trigger",                         "在本地网关上触发一个事件：真的下单，由模拟器付款"),
    ("trigger.event",                   "事件"),
    ("trigger.bill_num",                "订单号，不写就新建；如果订单还没付款，payment.success 会把它付掉"),
    ("trigger.total_fee",               "金额，单位分"),
    ("webhooks",                        "管理 webhook（回调地址）"),
    ("webhooks list",                   "列出应用的 webhook"),
    ("webhooks add",                    "新建 webhook；签名密钥只显示一次"),
    ("webhooks add.url",                "事件发往的网址"),
    ("webhooks add.function",           "你自己的 Lambda 函数，名称或 ARN"),
    ("webhooks add.pull",               "事件留在网关，由你来取（listen 用的就是这种）"),
    ("webhooks add.mode",               "模式；不写就用主密钥的模式"),
    ("webhooks add.events",             "订阅的事件，逗号分隔"),
    ("webhooks test",                   "给 webhook 发一个样例事件"),
    ("webhooks test.id",                "webhook 的 ID"),
    ("webhooks test.event",             "事件"),
    ("webhooks secret",                 "更换签名密钥，新密钥只显示一次；旧密钥还会一起签名一段时间"),
    ("webhooks secret.id",              "webhook 的 ID"),
    ("webhooks secret.grace_seconds",   "旧密钥还能用多少秒"),
    ("deliveries",                      "通知记录：查看、重发"),
    ("deliveries list",                 "列出通知记录，最新的在前"),
    ("deliveries list.state",           "只看这个状态"),
    ("deliveries list.webhook",         "只看这个 webhook"),
    ("deliveries list.cursor",          "接着上一页往下看"),
    ("deliveries resend",               "马上重发一次"),
    ("deliveries resend.id",            "通知记录的 ID"),
    ("tail",                            "盯着新的支付和状态变化，来一条显示一条"),
    ("tail.channel",                    "只看这个渠道，或 ali、wx、unipay 之一"),
    ("tail.interval",                   "每隔几秒查一次"),
    ("doctor",                          "体检：检查配置、密钥、渠道、证书、时钟和网关，并说明怎么处理"),
    ("local",                           "在本机启动整套网关"),
    ("local.binary",                    "本地网关程序；不写就找本程序旁边或 PATH 里的 maxpay-local"),
    ("local.arguments",                 "交给它的参数，写在 -- 后面"),
    ("completions",                     "输出 shell 的补全脚本"),
    ("completions.shell",               "哪种 shell"),
];

const LOGIN: &str = "登录：保存网关网址和密钥\n\n密钥在终端里输入，不回显；标准输入不是终端时，从中读取 MAXPAY_MASTER_KEY=… 这样的行。环境变量里已有的不再询问。";

/// The same commands with their help in Chinese.
pub(crate) fn translated(mut command: Command) -> Command {
    // Then the arguments and the options that clap adds are there, too.
    command.build();
    of_place(command, "").long_about(None)
}

fn of_place(command: Command, place: &str) -> Command {
    let about = text(if place.is_empty() { "maxpay" } else { place }).unwrap_or_default();
    let template = template(&command);
    let command = command
        .about(about)
        .help_template(template)
        .subcommand_value_name("命令")
        .mut_args(|argument| of_argument(argument, place))
        .mut_subcommands(|below| {
            let below_place = format!("{place} {}", below.get_name());
            of_place(below, below_place.trim_start())
        });
    let mut command = if place == "login" { command.long_about(LOGIN) } else { command };
    let usage = command.render_usage().to_string();
    command.override_usage(usage.trim_start_matches("Usage: ").replace("[OPTIONS]", "[选项]"))
}

/// What clap says around a command's own texts is English, so the headings are ours.
fn template(command: &Command) -> String {
    let mut template = "{about-with-newline}\n用法：{usage}".to_owned();
    if command.has_subcommands() {
        template.push_str("\n\n命令：\n{subcommands}");
    }
    if command.get_positionals().next().is_some() {
        template.push_str("\n\n参数：\n{positionals}");
    }
    template.push_str("\n\n选项：\n{options}");
    template
}

fn of_argument(argument: Arg, place: &str) -> Arg {
    let help = match argument.get_id().as_str() {
        "help" => Some("显示用法"),
        "version" => Some("显示版本"),
        global @ ("profile" | "json" | "lang") => text(&format!(".{global}")),
        own => text(&format!("{place}.{own}")),
    };
    let mut help = help.unwrap_or_default().to_owned();
    let values: Vec<String> = argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !values.is_empty() {
        help.push_str(&format!("（可选值：{}）", values.join("、")));
    }
    let takes_value = argument.get_action().takes_values();
    if let Some(default) = argument.get_default_values().first().filter(|_| takes_value) {
        help.push_str(&format!("（默认 {}）", default.to_string_lossy()));
    }
    argument.help(help).long_help(None::<&'static str>).hide_possible_values(true).hide_default_value(true)
}

fn text(place: &str) -> Option<&'static str> {
    TEXTS.iter().find(|(of, _)| *of == place).map(|(_, text)| *text)
}

/// What is wrong with the command line. `None` if only clap can say it.
pub(crate) fn complaint(kind: ErrorKind, found: Option<String>, allowed: Option<String>) -> Option<String> {
    let found = found.unwrap_or_default();
    Some(match (kind, allowed) {
        (ErrorKind::InvalidValue, Some(allowed)) => format!("不能是“{found}”，只能是 {allowed}"),
        (ErrorKind::InvalidValue, None) => "后面要跟一个值".to_owned(),
        (ErrorKind::ValueValidation, _) => format!("“{found}”不行，要写整数，并且在允许的范围内"),
        (ErrorKind::UnknownArgument, _) => "没有这个选项".to_owned(),
        (ErrorKind::InvalidSubcommand, _) => "没有这个命令".to_owned(),
        (ErrorKind::MissingRequiredArgument, _) => "缺少这一项".to_owned(),
        (ErrorKind::ArgumentConflict, _) => "和别的选项不能一起用".to_owned(),
        (ErrorKind::TooManyValues | ErrorKind::WrongNumberOfValues | ErrorKind::TooFewValues, _) => {
            "值的个数不对".to_owned()
        }
        (ErrorKind::MissingSubcommand, _) => "还要写明子命令".to_owned(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory;

    use super::*;
    use crate::arguments::Arguments;

    /// The places of a command and of what is below it.
    fn places(command: &Command, place: &str, found: &mut BTreeSet<String>) {
        found.insert(if place.is_empty() { "maxpay".to_owned() } else { place.to_owned() });
        for argument in command.get_arguments().map(|argument| argument.get_id().as_str()) {
            match argument {
                "help" | "version" => {}
                "profile" | "json" | "lang" => _ = found.insert(format!(".{argument}")),
                own => _ = found.insert(format!("{place}.{own}")),
            }
        }
        for below in command.get_subcommands() {
            places(below, format!("{place} {}", below.get_name()).trim(), found);
        }
    }

    #[test]
    fn each_text_of_the_help_has_its_chinese_and_no_other_is_there() {
        let mut needed = BTreeSet::new();
        places(&Arguments::command(), "", &mut needed);
        let there: BTreeSet<String> = TEXTS.iter().map(|(place, _)| (*place).to_owned()).collect();
        assert_eq!(needed, there);
        assert_eq!(TEXTS.len(), there.len(), "a place is there twice");
    }

    #[test]
    fn the_help_of_each_command_is_chinese() {
        let command = translated(Arguments::command());
        for name in ["login", "charge", "trigger", "completions"] {
            let help = command.clone().try_get_matches_from(["maxpay", name, "--help"]).unwrap_err().to_string();
            assert!(help.contains("用法：") && help.contains("选项"), "{help}");
            for english in ["Options:", "The ", "Print", "possible", "default:", "false"] {
                assert!(!help.contains(english), "{english}: {help}");
            }
        }
    }
}
