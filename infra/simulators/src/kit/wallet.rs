//! The in-app browsers of the wallets: how each names itself, and the bridge object that it gives to a page.
//!
//! A wallet's browser is an ordinary one that was told so (the owner of the simulators does that): its requests get the wallet's user
//! agent, and each page gets the script before all others. The script calls the simulator, which checks what the page hands over.

/// An in-app browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wallet {
    /// WeChat.
    Wechat,
    /// Alipay.
    Alipay,
    /// UnionPay's app, 云闪付.
    Unionpay,
}

impl Wallet {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Wechat, Self::Alipay, Self::Unionpay];

    /// The name of its simulator.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wechat => "wechat",
            Self::Alipay => "alipay",
            Self::Unionpay => "unionpay",
        }
    }

    /// The wallet of this name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wallet| wallet.name() == name)
    }

    /// What its browser says of itself.
    pub fn user_agent(self) -> &'static str {
        match self {
            Self::Wechat => {
                "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A.230803.041; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240501 \
                 MicroMessenger/8.0.50.2701(0x28003253) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64"
            }
            Self::Alipay => {
                "Mozilla/5.0 (Linux; U; Android 14; zh-CN; Pixel 8 Build/UD1A.230803.041) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Version/4.0 Chrome/123.0.6312.40 Mobile Safari/537.36 UCBS/3.22.2.73 NebulaSDK/1.8.100112 Nebula \
                 AlipayDefined(nt:WIFI,ws:411|0|2.625) AliApp(AP/10.6.20.8000) AlipayClient/10.6.20.8000 Language/zh-Hans"
            }
            Self::Unionpay => {
                "Mozilla/5.0 (Linux; Android 14; Pixel 8 Build/UD1A.230803.041; wv) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 (com.unionpay.mobilepay) \
                 (UnionPay/1.0 CloudPay) (language zh_CN) (version 1005)"
            }
        }
    }

    /// The script that each page gets.
    pub fn script(self) -> String {
        let bridge = match self {
            Self::Wechat => include_str!("wallet/wechat.js"),
            Self::Alipay => include_str!("wallet/alipay.js"),
            Self::Unionpay => include_str!("wallet/unionpay.js"),
        };
        let agent = self.user_agent();
        format!("{{\nconst agent = \"{agent}\";\n{}{bridge}}}\n", include_str!("wallet/sheet.js"))
    }
}
