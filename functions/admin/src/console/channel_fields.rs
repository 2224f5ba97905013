//! The fields of each tab and protocol: one table, with texts in both languages.

use domain::{Mode, Tab};
use runtime::LocalConfig;

use super::preferences::Language;

/// How a setting is entered, and whether it is shown again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Shown again after it is saved.
    Text,
    /// Short, and never shown again.
    Secret,
    /// A public key or certificate: pasted or uploaded, shown again.
    Public,
    /// Several public keys or certificates.
    PublicList,
    /// A private key or PFX: pasted or uploaded, never shown again.
    Private,
}

impl Kind {
    pub(crate) fn is_secret(self) -> bool {
        matches!(self, Self::Secret | Self::Private)
    }

    pub(crate) fn is_file(self) -> bool {
        matches!(self, Self::Public | Self::PublicList | Self::Private)
    }
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    /// Label and hint.
    zh: (&'static str, &'static str),
    en: (&'static str, &'static str),
}

impl Field {
    pub(crate) fn label(&self, language: Language) -> &'static str {
        self.words(language).0
    }

    pub(crate) fn hint(&self, language: Language) -> &'static str {
        self.words(language).1
    }

    fn words(&self, language: Language) -> (&'static str, &'static str) {
        match language {
            Language::Zh => self.zh,
            Language::En => self.en,
        }
    }
}

/// One protocol of a provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Protocol {
    /// The member `protocol`; empty if the provider has only one.
    pub(crate) name: &'static str,
    zh: &'static str,
    en: &'static str,
    groups: &'static [&'static [Field]],
}

impl Protocol {
    /// Its settings, in the order of the form.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &'static Field> {
        self.groups.iter().copied().flatten()
    }

    pub(crate) fn label(&self, language: Language) -> &'static str {
        match language {
            Language::Zh => self.zh,
            Language::En => self.en,
        }
    }
}

use Kind::{Private, Public, PublicList, Secret, Text};

macro_rules! field {
    ($name:literal $kind:ident $required:literal $zh:literal $zh_hint:literal $en:literal $en_hint:literal) => {
        Field { name: $name, kind: $kind, required: $required, zh: ($zh, $zh_hint), en: ($en, $en_hint) }
    };
}

const GATEWAY: Field = field!("gateway" Text false
    "网关地址" "留空使用正式网关；沙箱或代理时填写完整地址，以 https:// 开头。"
    "Gateway" "Leave empty for the provider's own. For a sandbox or a proxy give its full URL, beginning with https://");

const ALI_OPENAPI: &[Field] = &[
    field!("appId" Text true "应用 APPID" "开放平台“我的应用”中的 APPID，纯数字。" "App ID" "The app's number at the open platform, digits only."),
    field!("privateKey" Private true "应用私钥" "自己生成的 RSA2 私钥（PKCS#1 或 PKCS#8）。只用于签名，保存后不再显示。" "App private key" "The RSA2 private key that you made (PKCS#1 or PKCS#8). It signs, and is never shown again."),
    field!("alipayPublicKey" Public false "支付宝公钥" "密钥模式使用：开放平台上传应用公钥后得到的“支付宝公钥”，不是自己的公钥。证书模式请留空。" "Alipay's public key" "Key mode: what the open platform gives you after you upload your own public key, not your own. Leave empty in certificate mode."),
    field!("appCert" Public false "应用公钥证书" "证书模式使用：appCertPublicKey_….crt" "App certificate" "Certificate mode: appCertPublicKey_….crt"),
    field!("alipayCert" Public false "支付宝公钥证书" "证书模式使用：alipayCertPublicKey_RSA2.crt" "Alipay's certificate" "Certificate mode: alipayCertPublicKey_RSA2.crt"),
    field!("alipayRootCert" Public false "支付宝根证书" "证书模式使用：alipayRootCert.crt" "Alipay's root certificates" "Certificate mode: alipayRootCert.crt"),
    field!("sellerId" Text false "卖家账号（PID）" "可选。2088 开头的 16 位数字；填写后会核对通知中的收款方。" "Seller ID (PID)" "Optional. 2088 and 12 more digits; once given, notifies must name it."),
    GATEWAY,
];

const ALI_MAPI: &[Field] = &[
    field!("partner" Text true "合作者身份（PID）" "2088 开头的 16 位数字。" "Partner ID (PID)" "2088 and 12 more digits."),
    field!("sellerId" Text true "支付宝卖家账户（ID）" "收款账户：2088 开头的账号或登录邮箱。" "Seller account" "Who is paid: the number, or the mail address of the account."),
    field!("md5Key" Secret false "安全校验码（Key）" "网页支付的 MD5 密钥，32 位。" "Security key" "The MD5 key of page payments, 32 characters."),
    field!("privateKey" Private false "RSA 私钥" "移动支付需要；保存后不再显示。" "RSA private key" "Needed for payments in apps; never shown again."),
    field!("alipayPublicKey" Public false "支付宝公钥" "有 RSA 私钥时用于验证支付宝的签名。" "Alipay's public key" "Verifies what Alipay signs, beside an RSA private key."),
    GATEWAY,
];

const WX_V3: &[Field] = &[
    field!("mchId" Text true "商户号" "微信支付商户平台的商户号，纯数字。" "Merchant number" "The merchant's number at WeChat Pay, digits only."),
    field!("appId" Text true "应用 AppID" "wx 开头；须与该商户号绑定。" "App ID" "Begins with wx; it must be bound to the merchant number."),
    field!("apiV3Key" Secret true "APIv3 密钥" "在商户平台“API 安全”中设置的 32 位密钥。" "APIv3 key" "The 32 characters set at “API security” of the merchant platform."),
    field!("privateKey" Private true "商户 API 私钥" "apiclient_key.pem；保存后不再显示。" "Merchant private key" "apiclient_key.pem; never shown again."),
    field!("certSerial" Text true "商户证书序列号" "40 位十六进制，见“API 安全”。" "Certificate serial number" "40 hex digits, from “API security”."),
    field!("publicKeyId" Text false "微信支付公钥 ID" "PUB_KEY_ID_ 开头。2024 年秋后的新商户必填。" "WeChat Pay public key ID" "Begins with PUB_KEY_ID_. Merchants since autumn 2024 need it."),
    field!("publicKey" Public false "微信支付公钥" "pub_key.pem，与上面的 ID 一起使用。" "WeChat Pay public key" "pub_key.pem, together with the ID above."),
    field!("platformCerts" PublicList false "平台证书" "老商户使用；可留空，系统会自动获取。" "Platform certificates" "For older merchants. May be left empty: they are fetched."),
    GATEWAY,
];

const WX_V2: &[Field] = &[
    field!("mchId" Text true "商户号" "微信支付商户平台的商户号，纯数字。" "Merchant number" "The merchant's number at WeChat Pay, digits only."),
    field!("appId" Text true "应用 AppID" "wx 开头；须与该商户号绑定。" "App ID" "Begins with wx; it must be bound to the merchant number."),
    field!("apiKey" Secret true "API 密钥（v2）" "在商户平台“API 安全”中设置的 32 位密钥。" "API key (v2)" "The 32 characters set at “API security” of the merchant platform."),
    field!("signType" Text true "签名方式" "MD5 或 HMAC-SHA256。" "Signature" "MD5 or HMAC-SHA256."),
    field!("clientPfx" Private false "商户证书" "apiclient_cert.p12；退款需要，保存后不再显示。" "Client certificate" "apiclient_cert.p12; needed for refunds, never shown again."),
    field!("clientPfxPassword" Secret false "证书密码" "留空即商户号。" "Certificate password" "If left empty, the merchant number."),
    GATEWAY,
];

/// What only an official account has, beside its protocol's settings.
const WX_MP: &[Field] = &[
    field!("liteAppId" Text false "小程序 AppID" "用 wx_lite 收款时填写。小程序须与该商户号绑定；它的 openid 与公众号的不通用。" "Mini program's app ID" "For wx_lite. The mini program must be bound to the merchant number; its openids are not those of the account."),
    field!("appSecret" Secret false "公众号 AppSecret" "公众平台“开发 - 基本配置”中的 32 位密钥。收银台在微信内取付款人的 openid 时使用，保存时会向微信核对，保存后不再显示。" "Account's app secret" "The 32 characters at “basic configuration” of the public platform. With it the checkout learns the payer’s openid inside WeChat. WeChat is asked when it is saved; it is never shown again."),
    field!("oauthPage" Text false "网页授权页面地址" "留空即 https://open.weixin.qq.com；经代理访问时填写完整地址。" "Address of the authorisation page" "Leave empty for https://open.weixin.qq.com. For a proxy give its full URL."),
    field!("oauthGateway" Text false "网页授权接口地址" "留空即 https://api.weixin.qq.com；经代理访问时填写完整地址。AppSecret 会发往这里。" "Address of the authorisation interface" "Leave empty for https://api.weixin.qq.com. For a proxy give its full URL. The app secret goes there."),
];

const UNIONPAY: &[Field] = &[
    field!("merId" Text true "商户代码" "银联分配的 15 位商户号。" "Merchant code" "The 15 characters that UnionPay gave you."),
    field!("pfx" Private true "商户私钥证书" "从 CFCA 下载的 .pfx 文件；保存后不再显示。" "Merchant certificate" "The .pfx file from CFCA; never shown again."),
    field!("pfxPassword" Secret true "证书密码" "导出 .pfx 时设置的密码。" "Certificate password" "The password of the .pfx file."),
    field!("rootCert" Public true "根证书" "acp_prod_root.cer" "Root certificate" "acp_prod_root.cer"),
    field!("middleCert" Public true "中级证书" "acp_prod_middle.cer" "Intermediate certificate" "acp_prod_middle.cer"),
    field!("cn" Text false "证书名称" "留空即“中国银联股份有限公司”；测试环境另有名称。" "Certificate's owner" "If left empty, 中国银联股份有限公司; the test environment has another."),
    GATEWAY,
    field!("fileGateway" Text false "对账文件地址" "留空即银联的文件下载地址（filedownload.95516.com）；经代理下载时填写完整地址。" "Address of the settlement files" "Leave empty for UnionPay's own, filedownload.95516.com. For a proxy give its full URL."),
];

const SIMULATOR: Protocol =
    Protocol { name: "simulator", zh: "内置模拟器", en: "Built-in simulator", groups: &[] };

/// The protocols of a tab, the usual one first. In test mode a local stack also offers its simulator.
pub(crate) fn protocols(tab: Tab, mode: Mode, local: Option<&LocalConfig>) -> Vec<Protocol> {
    let mut protocols = match tab {
        Tab::Ali => vec![
            Protocol {
                name: "openapi", zh: "开放平台（RSA2）", en: "Open platform (RSA2)", groups: &[ALI_OPENAPI]
            },
            Protocol { name: "mapi", zh: "旧版合作伙伴接口", en: "Old partner interface", groups: &[ALI_MAPI] },
        ],
        Tab::WxApp => vec![
            Protocol { name: "v3", zh: "APIv3", en: "APIv3", groups: &[WX_V3] },
            Protocol { name: "v2", zh: "旧版 v2", en: "Old v2", groups: &[WX_V2] },
        ],
        Tab::WxMp => vec![
            Protocol { name: "v3", zh: "APIv3", en: "APIv3", groups: &[WX_V3, WX_MP] },
            Protocol { name: "v2", zh: "旧版 v2", en: "Old v2", groups: &[WX_V2, WX_MP] },
        ],
        Tab::UnipayApp | Tab::UnipayWeb => {
            vec![Protocol { name: "", zh: "全渠道 5.1.0", en: "ACP 5.1.0", groups: &[UNIONPAY] }]
        }
    };
    if mode == Mode::Test && local.is_some() {
        protocols.push(SIMULATOR);
    }
    protocols
}

/// The label of a setting, by its name in the API.
pub(crate) fn label_of(name: &str, language: Language) -> Option<&'static str> {
    let all = [ALI_OPENAPI, ALI_MAPI, WX_V3, WX_V2, WX_MP, UNIONPAY];
    let field = all.into_iter().flatten().find(|field| field.name == name)?;
    Some(field.label(language))
}

#[cfg(test)]
mod tests {
    use providers::{MASK, mask};
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn every_field_is_explained_in_both_languages() {
        for tab in Tab::ALL {
            for protocol in protocols(tab, Mode::Test, Some(&LocalConfig::default())) {
                for field in protocol.fields() {
                    for words in [field.zh, field.en] {
                        assert!(!words.0.is_empty() && !words.1.is_empty(), "{}", field.name);
                    }
                    assert!(field.en.0.is_ascii() || field.en.0.contains('’'), "{}", field.en.0);
                }
            }
        }
    }

    /// This page may show again exactly the settings that the API shows again.
    #[test]
    fn secrets_here_are_those_that_the_api_masks() {
        for tab in Tab::ALL {
            for field in protocols(tab, Mode::Live, None).iter().flat_map(Protocol::fields) {
                let settings = Map::from_iter([(field.name.to_owned(), Value::from("x"))]);
                let is_masked = mask(tab, &settings)[field.name] == MASK;
                assert_eq!(is_masked, field.kind.is_secret(), "{tab} {}", field.name);
            }
        }
    }
}
