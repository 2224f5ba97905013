//! The bill of a day, in the format of its download.

use std::io::{self, Cursor, Write};

use encoding_rs::GBK;
use zip::{ZipWriter, write::SimpleFileOptions};

use super::simulator::Simulator;
use crate::kit::bill::{Row, bounds, yuan};
use crate::kit::reply::Reply;

/// The bill of a day, packed.
pub(super) fn answer(simulator: &Simulator, app: &str, day: &str) -> Reply {
    let Some(bounds) = bounds(day) else { return Reply::json_error(404, "no such day") };
    let (plants, rows) = simulator.with(|ledger, _| (ledger.plants.clone(), ledger.bill(app, bounds)));
    match packed(plants.apply(app.to_owned(), rows)) {
        Ok(zip) => Reply::new(200, "application/zip", zip),
        Err(error) => Reply::json_error(500, error.to_string()),
    }
}

/// A ZIP with the lines and a summary, in GBK.
fn packed(rows: impl Iterator<Item = Row>) -> io::Result<Vec<u8>> {
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
