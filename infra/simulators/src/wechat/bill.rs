//! The bill of a day, the same for both versions of the API.

use std::io::{self, Write};

use flate2::{Compression, write::GzEncoder};

use super::simulator::Simulator;
use crate::kit::bill::{Row, bounds, yuan};

pub(super) fn rows(simulator: &Simulator, mch_id: &str, day: &str) -> impl Iterator<Item = Row> {
    let (plants, rows) = simulator.with(|ledger, _| {
        let rows = bounds(day).map(|bounds| ledger.bill(mch_id, bounds)).unwrap_or_default();
        (ledger.plants.clone(), rows)
    });
    let app = rows.first().map_or_else(String::new, |row| row.app.clone());
    plants.apply(app, rows)
}

/// The text, before it is packed.
pub(super) fn write(rows: impl Iterator<Item = Row>, mch_id: &str, mut to: impl Write) -> io::Result<()> {
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
pub(super) fn packed(rows: impl Iterator<Item = Row>, mch_id: &str) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    write(rows, mch_id, &mut encoder)?;
    encoder.finish()
}
