//! The bills of a day, as the providers make them, with what a test plants in them. They are packed line by line: a long one lies in
//! memory as it is sent.

use std::collections::BTreeMap;
use std::io::{self, Cursor, Write};

use encoding_rs::GBK;
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::beijing::{DAY_MS, parse_seconds};
use super::reply::Reply;

/// What the bills say that is not so, until something else is planted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Plants {
    /// Orders whose lines are left out.
    omit: Vec<String>,
    /// Refunds whose lines are left out, by number.
    omit_refunds: Vec<String>,
    /// Orders whose payments have another amount, in fen.
    amounts: BTreeMap<String, i64>,
    /// Refunds in another state than `SUCCESS`, by number. At WeChat Pay only.
    refund_states: BTreeMap<String, String>,
    /// Payments that never were: order and amount in fen.
    extra: BTreeMap<String, i64>,
    /// Many of them, made up.
    rows: Option<Rows>,
    /// What the goods are called, by order.
    goods: BTreeMap<String, String>,
    /// What stands in the column of the merchant's own remarks, by order.
    remarks: BTreeMap<String, String>,
    /// Lines that stand before all others, as they are.
    lines: Vec<String>,
}

/// Payments that are made up: as many lines as there are in a month of a busy shop.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Rows {
    count: u32,
    fen: i64,
    /// The orders are numbered as ours are, the first one charged then; without it, as somebody else's.
    first_ms: Option<i64>,
    /// How much later each was charged than the one before.
    #[serde(default)]
    step_ms: i64,
}

impl Rows {
    fn order(self, n: u32) -> String {
        let n = i64::from(n);
        match self.first_ms {
            Some(first_ms) => format!("{:012x}{n:012x}", first_ms + n * self.step_ms),
            None => format!("S{n:023}"),
        }
    }
}

/// A line of a bill.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) order: String,
    pub(crate) app: String,
    pub(crate) subject: String,
    /// A text that the merchant writes: Alipay's 备注, WeChat Pay's 商户数据包.
    pub(crate) remark: String,
    /// The line as it is, if it is planted.
    pub(crate) raw: Option<String>,
    pub(crate) refund: Option<RefundRow>,
    pub(crate) fen: i64,
}

/// What a line says that is about a refund.
#[derive(Clone, Debug)]
pub(crate) struct RefundRow {
    pub(crate) num: String,
    pub(crate) state: String,
}

impl RefundRow {
    pub(crate) fn done(num: &str) -> Self {
        Self { num: num.to_owned(), state: "SUCCESS".to_owned() }
    }
}

/// `POST /_local/simulator/<provider>/bill`: hands `set` what is to be planted.
pub(crate) fn plant(body: &[u8], set: impl FnOnce(Plants)) -> Reply {
    match serde_json::from_slice(body) {
        Ok(plants) => {
            set(plants);
            Reply::json(200, &serde_json::json!({}))
        }
        Err(error) => Reply::json_error(400, error.to_string()),
    }
}

impl Row {
    pub(crate) fn new((app, order): (&str, &str), subject: &str, refund: Option<RefundRow>, fen: i64) -> Self {
        let (app, order, subject) = (app.to_owned(), order.to_owned(), subject.to_owned());
        Self { order, app, subject, remark: String::new(), raw: None, refund, fen }
    }
}

impl Plants {
    /// The lines with what is planted in them.
    pub(crate) fn apply(self, app: String, rows: Vec<Row>) -> impl Iterator<Item = Row> {
        let is_left_out = |row: &Row| match &row.refund {
            Some(refund) => self.omit_refunds.contains(&refund.num),
            None => false,
        };
        let kept = rows.into_iter().filter(|row| !self.omit.contains(&row.order) && !is_left_out(row));
        let kept: Vec<Row> = kept
            .map(|mut row| {
                if let Some(goods) = self.goods.get(&row.order) {
                    row.subject.clone_from(goods);
                }
                row.remark = self.remarks.get(&row.order).cloned().unwrap_or_default();
                match &mut row.refund {
                    None => row.fen = *self.amounts.get(&row.order).unwrap_or(&row.fen),
                    Some(refund) => {
                        if let Some(state) = self.refund_states.get(&refund.num) {
                            state.clone_into(&mut refund.state);
                        }
                    }
                }
                row
            })
            .collect();
        let extra = self.extra.into_iter();
        let made_up = self.rows.into_iter().flat_map(|rows| (0..rows.count).map(move |n| (rows.order(n), rows.fen)));
        let raw = self.lines.into_iter().map(|line| Row { raw: Some(line), ..Row::new(("", ""), "", None, 0) });
        let planted = extra
            .chain(made_up)
            .map(move |(order, fen)| Row::new((app.as_str(), order.as_str()), "planted", None, fen));
        raw.chain(kept).chain(planted)
    }
}

/// The first and the last millisecond of a day in Beijing; `None` if it is none.
pub(crate) fn bounds(day: &str) -> Option<(i64, i64)> {
    let start = parse_seconds(&format!("{day} 00:00:00"))?;
    Some((start, start + DAY_MS - 1))
}

/// Alipay's: a ZIP with the lines and a summary, in GBK.
pub(crate) fn alipay_zip(rows: impl Iterator<Item = Row>) -> io::Result<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    zip.start_file("20880000000000010156_20261123_业务明细(汇总).csv", options)?;
    zip.write_all(b"#\n")?;
    zip.start_file("20880000000000010156_20261123_业务明细.csv", options)?;
    let mut write = |text: &str| zip.write_all(&GBK.encode(text).0);
    write(
        "#支付宝业务明细查询\n#账号：[20880000000000010156]\n#-----------------------------------------业务明细列表\n\
         支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,\
         商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,\
         卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\n",
    )?;
    for row in rows {
        if let Some(raw) = &row.raw {
            write(&format!("{raw}\n"))?;
            continue;
        }
        let (kind, sign) = if row.refund.is_some() { ("退款", "-") } else { ("交易", "") };
        let (order, subject, fee, remark) = (&row.order, &row.subject, yuan(row.fen), &row.remark);
        let refund = row.refund.map(|refund| refund.num).unwrap_or_default();
        write(&format!(
            "2026\t,{order}\t,{kind}\t,{subject}\t,2026-11-23 00:00:00,2026-11-23 00:00:00,,,,,159****0000,\
             {sign}{fee},{sign}{fee},0.00,0.00,0.00,0.00,0.00,,0.00,0.00,{refund}\t,0.00,0.00,{remark}\n"
        ))?;
    }
    write("#-----------------------------------------业务明细列表结束\n")?;
    Ok(zip.finish()?.into_inner())
}

/// WeChat Pay's text, before it is packed.
pub(crate) fn write_wechat(rows: impl Iterator<Item = Row>, mch_id: &str, mut to: impl Write) -> io::Result<()> {
    to.write_all(
        "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,\
         应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,\
         申请退款金额,费率备注\r\n"
            .as_bytes(),
    )?;
    for row in rows {
        if let Some(raw) = &row.raw {
            to.write_all(format!("{raw}\r\n").as_bytes())?;
            continue;
        }
        let (state, paid, back) = match row.refund {
            Some(_) => ("REFUND", 0, row.fen),
            None => ("SUCCESS", row.fen, 0),
        };
        let (app, order, subject, attach) = (&row.app, &row.order, &row.subject, &row.remark);
        let (number, refund, way, refund_state) = match &row.refund {
            Some(refund) => ("50", refund.num.as_str(), "ORIGINAL", refund.state.as_str()),
            None => ("0", "0", "", ""),
        };
        let (paid, back) = (yuan(paid), yuan(back));
        to.write_all(
            format!(
                "`2026-11-23 00:00:00,`{app},`{mch_id},`0,`,`42,`{order},`o,`NATIVE,`{state},`OTHERS,`CNY,`{paid},`0.00,\
                 `{number},`{refund},`{back},`0.00,`{way},`{refund_state},`{subject},`{attach},`0.00000,`0.60%,`{paid},`{back},`\r\n"
            )
            .as_bytes(),
        )?;
    }
    to.write_all(
        "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n\
         `1,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00\r\n"
            .as_bytes(),
    )
}

/// The same, packed.
pub(crate) fn wechat_gzip(rows: impl Iterator<Item = Row>, mch_id: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    write_wechat(rows, mch_id, &mut encoder)?;
    encoder.finish()
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}
