//! Lines of Alipay's and WeChat Pay's bills, good and spoiled.

use proptest::prelude::*;

use super::*;
use crate::{MessageProblem, alipay::bill::COLUMNS as ALIPAY, wechat::bill::COLUMNS as WECHAT};

const ORDER: &str = "01a208d05240070707070707";
const ALIPAY_HEADING: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,\
    商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,\
    卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注";
const WECHAT_HEADING: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,\
    应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,\
    申请退款金额,费率备注";
const WECHAT_HEADING_OF_24: &str = "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,\
    总金额,代金券或立减优惠金额,微信退款单号,商户退款单号,退款金额,代金券或立减优惠退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率";

/// The result of reading a line, in short.
#[derive(Debug, PartialEq)]
enum Said {
    Paid(String, i64),
    Back(String, bool, i64),
    Spoiled(Option<String>, String),
}

fn said(reading: Reading) -> Option<Said> {
    match reading {
        Reading::Nothing => None,
        Reading::Line(BillLine { order, event: BillEvent::Paid, fee }) => {
            Some(Said::Paid(order.to_string(), fee.get()))
        }
        Reading::Line(BillLine { event: BillEvent::Refunded { num, is_done }, fee, .. }) => {
            Some(Said::Back(num, is_done, fee.get()))
        }
        Reading::Unreadable(text) => {
            Some(Said::Spoiled(text.order.map(|order| order.to_string()), text.problem.to_string()))
        }
    }
}

fn read_bytes(mut reader: ColumnsReader, bytes: &[u8]) -> (Vec<Said>, Result<(), ProviderError>) {
    reader.begin(bytes.get(..64.min(bytes.len())).unwrap_or_default());
    let lines = bytes.split(|byte| *byte == b'\n');
    let read = lines.filter_map(|bytes| said(reader.read(RawLine { bytes, is_cut: false }))).collect();
    (read, reader.complete())
}

fn alipay(lines: &[&str]) -> Vec<Said> {
    let text = format!("{ALIPAY_HEADING}\n{}", lines.join("\n"));
    let (read, complete) = read_bytes(ColumnsReader::new(ALIPAY, &[]), text.as_bytes());
    assert_eq!(complete, Ok(()));
    read
}

/// A line of Alipay with the texts that merchants may write.
fn line(order: &str, kind: &str, fee: &str, num: &str, texts: [&str; 4]) -> String {
    let [goods, shop, coupon, remark] = texts;
    format!(
        "2026112822001400\t,{order}\t,{kind}\t,{goods},2026-11-28 10:00:00,2026-11-28 10:00:01,\t,{shop}\t,\t,\t,**(138****0000)\t,\
         {fee},{fee},0.00,0.00,0.00,0.00,0.00,{coupon},0.00\t,0.00,{num}\t,0.00,0.00,{remark}"
    )
}

fn paid() -> Said {
    Said::Paid(ORDER.to_owned(), 9900)
}

fn back() -> Said {
    Said::Back("R1".to_owned(), true, 40)
}

fn spoiled(problem: &str) -> Said {
    Said::Spoiled(Some(ORDER.to_owned()), problem.to_owned())
}

#[test]
#[rustfmt::skip]
fn commas_in_any_text_of_a_line_spoil_nothing() {
    let texts = [
        ["tea", "", "", ""],
        ["tea, with milk", "", "", ""],
        ["tea", "Tea House, 3rd Street", "", ""],
        ["tea", "", "满10减1,新客,周末", ""],
        ["tea", "", "", "Room 3,4 2026-11-28"],
        ["tea", "", "", "Room 3, bed 4, 2026-11-28"],
        ["a,b", "c,d,e", "f,g", "h,i,j,k"],
        ["\"tea", "'", "`", "1.00,2.00"],
    ];
    for texts in texts {
        let lines = [line(ORDER, "交易", "99.00", "", texts), line(ORDER, "退款", "-0.40", "R1", texts)];
        assert_eq!(alipay(&[&lines[0], &lines[1]]), [paid(), back()], "{texts:?}");
    }
}

#[test]
fn a_line_that_cannot_be_read_spoils_no_other() {
    let good = line(ORDER, "交易", "99.00", "", ["tea", "", "", ""]);
    let no_fee = line(ORDER, "退款", "x", "R1", ["tea", "", "", ""]);
    // Two cells may be the number of the refund.
    let unclear = line(ORDER, "退款", "-0.40", "R1", ["tea", "", "", "0.00,0.00,R2,0.00,0.00,x"]);
    let short = format!("2026,{ORDER},交易");
    let damaged = line(ORDER, "交\u{fffd}", "99.00", "", ["tea", "", "", ""]);
    let read = alipay(&[&no_fee, &good, &unclear, &short, &damaged, &good]);
    let problems: Vec<&Said> = read.iter().filter(|said| **said != paid()).collect();
    assert_eq!(read.len() - problems.len(), 2, "{read:?}");
    assert_eq!(problems.len(), 4, "{read:?}");
    assert_eq!(problems[1], &spoiled("it is not clear which of its cells is 退款批次号/请求号"));
    assert_eq!(problems[2], &spoiled("it has 3 cells, but the heading has 25"));
    assert_eq!(problems[3], &spoiled("it is not clear which of its cells is 业务类型"));
    assert!(matches!(problems[0], Said::Spoiled(Some(order), problem) if order == ORDER && problem.contains("`x`")));
}

#[test]
fn a_damaged_character_says_nothing_of_the_encoding_of_its_file() {
    let other = line("SHOP1", "交易", "1.00", "", ["xx", "", "", ""]);
    let text = format!("{ALIPAY_HEADING}\n{other}\n{}\n", line(ORDER, "交易", "99.00", "", ["茶", "", "", ""]));
    for charset in [Charset::Utf8, Charset::Gb18030] {
        let mut bytes = charset.encoding().encode(&text).0.into_owned();
        let place = bytes.windows(2).position(|two| two == b"xx").unwrap();
        bytes.splice(place..place + 2, [0xe5, 0x9d]);
        let mut reader = ColumnsReader::new(ALIPAY, &[]);
        reader.begin(&bytes);
        let lines = bytes.split(|byte| *byte == b'\n');
        let read: Vec<Said> = lines.filter_map(|bytes| said(reader.read(RawLine { bytes, is_cut: false }))).collect();
        assert_eq!((read, reader.complete()), (vec![paid()], Ok(())), "{charset:?}");
    }
}

#[test]
fn nothing_but_the_number_is_read_of_other_systems_orders() {
    let odd = line("SHOP20261128-0001", "交易", "much", "", ["tea", "", "a,b", "Room 3, bed 4, 1.00,2.00"]);
    assert_eq!(alipay(&[&odd, "#交易合计：1笔", "", "\t"]), []);
    // The line ends before its order number: nobody knows whose it is.
    let cut = alipay(&["2026"]);
    assert_eq!(cut, [Said::Spoiled(None, "it has 1 cells, but the heading has 25".to_owned())]);
}

#[test]
fn a_bill_is_read_in_either_encoding_with_either_line_end_and_with_columns_that_came_later() {
    let heading =
        format!("\u{feff}#支付宝业务明细查询\r\n新列,{ALIPAY_HEADING},将来\r\n").replace('（', "(").replace('）', ")");
    let lines = [
        line(ORDER, "交易", "99.00", "", ["茶", "", "", ""]),
        line(ORDER, "退款", "-0.40", "R1", ["茶,壶", "", "", ""]),
    ];
    let text = format!("{heading}新\0,{},x\r\n\"a,b\",{},y\n#汇总\n", lines[0], lines[1]);
    for charset in [Charset::Utf8, Charset::Gb18030] {
        let (bytes, _, _) = charset.encoding().encode(&text);
        let (read, complete) = read_bytes(ColumnsReader::new(ALIPAY, &[]), &bytes);
        assert_eq!((read, complete), (vec![paid(), back()], Ok(())), "{charset:?}");
    }
}

#[test]
fn columns_are_found_by_their_names_wherever_a_heading_puts_them() {
    let first = format!("备注,订单金额(元),商户订单号,退款批次号/请求号,业务类型\na,b,99.00,{ORDER},,交易\n");
    let again = format!("业务类型,商户订单号,退款批次号/请求号,订单金额(元),备注\n退款,{ORDER},R1,-0.40,a,b\n");
    let (read, _) = read_bytes(ColumnsReader::new(ALIPAY, &[]), format!("{first}{again}").as_bytes());
    assert_eq!(read, [paid(), back()]);
}

#[test]
#[rustfmt::skip]
fn a_file_without_its_columns_is_no_bill() {
    let cases = [
        ("",                                                     "the bill has no heading"),
        ("x\ny",                                                 "the bill has no heading"),
        ("商户订单号,业务类型,退款批次号/请求号",                "the bill has no column 订单金额(元)"),
        ("商户订单号,订单金额(元),退款批次号/请求号",            "the bill has no column 业务类型"),
    ];
    for (text, problem) in cases {
        let (read, complete) = read_bytes(ColumnsReader::new(ALIPAY, &[]), text.as_bytes());
        let found = complete.map_err(|error| error.to_string());
        assert_eq!((read, found), (vec![], Err(format!("the provider's answer is unclear: {problem}"))), "{text}");
    }
}

/// A line of WeChat Pay.
fn marked(app: &str, state: &str, refund: (&str, &str), texts: [&str; 2], cells: usize) -> String {
    let ([goods, attach], (num, refund_state)) = (texts, refund);
    let (paid, back) = if state == "REFUND" { ("0.00", "0.40") } else { ("99.00", "0.00") };
    let all = [
        "2026-11-28 10:00:00",
        app,
        "19",
        "0",
        "",
        "42",
        ORDER,
        "oUser",
        "NATIVE",
        state,
        "OTHERS",
        "CNY",
        paid,
        "0.00",
        "50",
        num,
        back,
        "0.00",
        "ORIGINAL",
        refund_state,
        goods,
        attach,
        "0.01000",
        "0.60%",
        paid,
        back,
        "",
    ];
    all.iter().take(cells).map(|cell| format!("`{cell}")).collect::<Vec<_>>().join(",")
}

#[test]
fn wechats_lines_are_read_whatever_the_goods_are_called_and_those_of_other_apps_are_not() {
    let num = format!("{ORDER}-R1");
    let refund = |state| marked("wx1", "REFUND", (&num, state), ["tea", ""], 27);
    let lines = [
        marked("wx1", "SUCCESS", ("0", ""), ["tea,`hot,`sweet", "a,`b"], 27),
        refund("SUCCESS"),
        refund("PROCESSING"),
        refund("FAIL"),
        marked("wx1", "REVOKED", ("0", ""), ["tea", ""], 27),
        marked("wx2", "SUCCESS", ("0", ""), ["tea", "x,`y"], 27),
        marked("wx1", "SUCCESS", ("0", ""), ["tea", ""], 27).replace('`', ""),
    ];
    let totals = format!("总交易单数,应结订单总金额\r\n`3,`99.00\r\n{ORDER}\r\n");
    let text = format!("\u{feff}{WECHAT_HEADING}\r\n{}\r\n{totals}", lines.join("\r\n"));
    let (read, _) = read_bytes(ColumnsReader::new(WECHAT, &["wx1"]), text.as_bytes());
    let on_its_way = Said::Back("R1".to_owned(), false, 40);
    assert_eq!(read, [paid(), back(), on_its_way, paid()]);
    let (both, _) = read_bytes(ColumnsReader::new(WECHAT, &["wx1", "wx2"]), text.as_bytes());
    assert_eq!(both.len(), read.len() + 1, "the account and its mini program");
}

#[test]
fn wechats_older_bill_has_other_columns() {
    let lines = ["SUCCESS", "REFUND"].map(|state| marked("wx1", state, ("R1", "SUCCESS"), ["a,`b", "c"], 24));
    let text = format!("{WECHAT_HEADING_OF_24}\n{}", lines.join("\n"));
    let (read, complete) = read_bytes(ColumnsReader::new(WECHAT, &["wx1"]), text.as_bytes());
    assert_eq!((read, complete), (vec![paid(), back()], Ok(())));
}

#[test]
fn a_bill_that_is_cut_off_before_its_totals_is_none() {
    let line = marked("wx1", "SUCCESS", ("0", ""), ["tea", ""], 27);
    let whole = format!("{WECHAT_HEADING}\r\n{line}\r\n总交易单数,应结订单总金额\r\n`1,`99.00\r\n");
    let reader = || ColumnsReader::new(WECHAT, &["wx1"]).up_to_totals();
    assert_eq!(read_bytes(reader(), whole.as_bytes()), (vec![paid()], Ok(())));
    let (_, cut) = read_bytes(reader(), whole.split("总").next().unwrap().as_bytes());
    assert_eq!(cut, Err(MessageProblem::BillCutOff.into()));
}

proptest! {
    #[test]
    fn no_line_makes_a_reader_panic(lines in prop::collection::vec("[\\PC,`\t]{0,200}", 0..8), cell in "[,.0-9a-f`]{0,40}") {
        let good = line(ORDER, "交易", "99.00", &cell, [&cell, &cell, &cell, &cell]);
        let text = format!("{ALIPAY_HEADING}\n{good}\n{}\n{ALIPAY_HEADING}\n{good}", lines.join("\n"));
        for reader in [ColumnsReader::new(ALIPAY, &[]), ColumnsReader::new(WECHAT, &["wx1"]).up_to_totals()] {
            let _ = read_bytes(reader, text.as_bytes());
        }
    }
}
