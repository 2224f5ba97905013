//! The lines of the providers' bills: each line of any file is read, skipped, or reported as unreadable.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use providers::{Account, RawLine};

const ALIPAY: &str = "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,订单金额（元）,券名称,商家红包消费金额（元）,\
    退款批次号/请求号,服务费（元）,备注";
const WECHAT: &str = "交易时间,公众账号ID,商户订单号,交易状态,商户退款单号,退款状态,商品名称,商户数据包,手续费,费率,订单金额,\
    申请退款金额,费率备注";

/// Each account with a heading that its reader knows. Otherwise the lines after it would be ignored.
static ACCOUNTS: LazyLock<Vec<(Account, &str)>> = LazyLock::new(|| {
    let alipay = fuzz::account(fuzz::open_platform("appId", "2021000000000001".into()).into());
    let wechat = fuzz::wechat().into_iter().map(|account| (account, WECHAT));
    [(alipay, ALIPAY), (fuzz::unionpay(), "")].into_iter().chain(wechat).collect()
});

fuzz_target!(|file: &[u8]| {
    for (account, heading) in ACCOUNTS.iter() {
        let Some(mut reader) = account.bill_reader() else { continue };
        reader.begin("INN26112388ZM_777290058110048", heading.as_bytes());
        let _ = reader.read(RawLine { bytes: heading.as_bytes(), is_cut: false });
        for bytes in file.split(|byte| *byte == b'\n') {
            let _ = reader.read(RawLine { bytes, is_cut: bytes.first() == Some(&b'~') });
        }
        reader.begin("", file);
        for bytes in file.split(|byte| *byte == b'\n') {
            let _ = reader.read(RawLine { bytes, is_cut: false });
        }
        let _ = reader.complete();
    }
});
