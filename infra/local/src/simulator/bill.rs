//! The bills of a day, as the providers make them, with what a test plants in them.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};

use encoding_rs::GBK;
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::beijing::DAY_MS;
use super::reply::Reply;

/// What the bills say that is not so, until something else is planted.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Plants {
    /// Orders whose lines are left out.
    omit: Vec<String>,
    /// Orders whose payments have another amount, in fen.
    amounts: BTreeMap<String, i64>,
    /// Payments that never were: order and amount in fen.
    extra: BTreeMap<String, i64>,
}

/// A line of a bill.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) order: String,
    pub(crate) app: String,
    pub(crate) subject: String,
    /// The number of the refund, if it is one.
    pub(crate) refund: Option<String>,
    pub(crate) fen: i64,
}

/// `POST /_local/simulator/<provider>/bill`: reads what is to be planted.
pub(crate) fn read_plants(body: &[u8]) -> Result<Plants, Reply> {
    serde_json::from_slice(body).map_err(|error| Reply::json_error(400, error.to_string()))
}

impl Plants {
    /// The lines with what is planted in them.
    pub(crate) fn apply(&self, app: &str, rows: Vec<Row>) -> Vec<Row> {
        let kept = rows.into_iter().filter(|row| !self.omit.contains(&row.order)).map(|mut row| {
            if let (None, Some(fen)) = (&row.refund, self.amounts.get(&row.order)) {
                row.fen = *fen;
            }
            row
        });
        let extra = self.extra.iter().map(|(order, fen)| Row {
            order: order.clone(),
            app: app.to_owned(),
            subject: "planted".to_owned(),
            refund: None,
            fen: *fen,
        });
        kept.chain(extra).collect()
    }
}

/// The first and the last millisecond of a day in Beijing; `None` if it is none.
pub(crate) fn bounds(day: &str) -> Option<(i64, i64)> {
    let start = domain::Day::parse(day)?.start().ms();
    Some((start, start + DAY_MS - 1))
}

/// Alipay's: a ZIP with the lines and a summary, in GBK.
pub(crate) fn alipay_zip(rows: &[Row]) -> Result<Vec<u8>, String> {
    let mut text = "#支付宝业务明细查询\n#账号：[20880000000000010156]\n#-----------------------------------------业务明细列表\n\
        支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,\
        商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,\
        卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注\n"
        .to_owned();
    for row in rows {
        let (kind, sign) = if row.refund.is_some() { ("退款", "-") } else { ("交易", "") };
        let (order, subject, fee) = (&row.order, &row.subject, yuan(row.fen));
        let refund = row.refund.as_deref().unwrap_or_default();
        text.push_str(&format!(
            "2026\t,{order}\t,{kind}\t,{subject}\t,2026-11-23 00:00:00,2026-11-23 00:00:00,,,,,159****0000,\
             {sign}{fee},{sign}{fee},0.00,0.00,0.00,0.00,0.00,,0.00,0.00,{refund}\t,0.00,0.00,\n"
        ));
    }
    text.push_str("#-----------------------------------------业务明细列表结束\n");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        ("20880000000000010156_20261123_业务明细(汇总).csv", "#\n"),
        ("20880000000000010156_20261123_业务明细.csv", &text),
    ] {
        zip.start_file(name, SimpleFileOptions::default()).map_err(|error| error.to_string())?;
        zip.write_all(&GBK.encode(content).0).map_err(|error| error.to_string())?;
    }
    zip.finish().map(Cursor::into_inner).map_err(|error| error.to_string())
}

/// WeChat Pay's text, before it is packed.
pub(crate) fn wechat_text(rows: &[Row], mch_id: &str) -> String {
    let mut text = "\u{feff}交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,\
        应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,\
        申请退款金额,费率备注\r\n"
        .to_owned();
    for row in rows {
        let (state, paid, back) = match row.refund {
            Some(_) => ("REFUND", 0, row.fen),
            None => ("SUCCESS", row.fen, 0),
        };
        let (app, order, subject) = (&row.app, &row.order, &row.subject);
        let refund = row.refund.as_deref().unwrap_or("0");
        let (paid, back) = (yuan(paid), yuan(back));
        text.push_str(&format!(
            "`2026-11-23 00:00:00,`{app},`{mch_id},`0,`,`42,`{order},`o,`NATIVE,`{state},`OTHERS,`CNY,`{paid},`0.00,`50,`{refund},\
             `{back},`0.00,`ORIGINAL,`SUCCESS,`{subject},`,`0.00000,`0.60%,`{paid},`{back},`\r\n"
        ));
    }
    text.push_str("总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n`1,`0.00,`0.00,`0.00,`0.00000,`0.00,`0.00\r\n");
    text
}

pub(crate) fn gzip(text: &str) -> Result<Vec<u8>, String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    encoder.finish().map_err(|error| error.to_string())
}

fn yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}
