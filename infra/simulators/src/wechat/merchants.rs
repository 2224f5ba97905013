//! The simulator's merchants, and the platform's own keys.
//!
//! The built-in ones use the throwaway keys under `infra/simulators/keys/wechat`, which are public; tests add others.
//!
//! Platform certificates roll over in stages (`POST /_local/simulator/wechat/settings {"stage"}`), as at WeChat in some ten days:
//! `current` lists the first and signs with it; `announced` lists both and signs with the first; `rolled` lists both and signs with
//! the second; `finished` has the second only.

use serde::Deserialize;
use serde_json::{Value, json};

use super::crypto::{CertificateFacts, SignType, certificate_facts};
use crate::kit::crypto::{CryptoError, Sha256Signer, Sha256Verifier, md5_hex};

macro_rules! key_file {
    ($name:literal) => {
        include_str!(concat!("../../keys/wechat/", $name))
    };
}

const OTHER_PRIVATE: &str = include_str!("../../keys/other_private.pem");
const PLATFORM: [(&str, &str); 2] = [
    (key_file!("platform_private.pem"), key_file!("platform_cert.pem")),
    (key_file!("platform_next_private.pem"), key_file!("platform_next_cert.pem")),
];

/// The appids of a built-in merchant.
#[derive(Clone, Copy)]
struct AppIds {
    mobile: &'static str,
    account: &'static str,
    lite: &'static str,
}

/// A built-in v3 merchant's files.
struct V3Files {
    kind: &'static str,
    mch_id: &'static str,
    name: &'static str,
    apps: AppIds,
    private: &'static str,
    certificate: &'static str,
    api_key: &'static str,
    certificates: bool,
    public_key: Option<PublicKeyFiles>,
    /// The v2 key of a merchant that still uses v2 for something.
    v2_key: Option<&'static str>,
}

struct PublicKeyFiles {
    id: &'static str,
    private: &'static str,
    public: &'static str,
}

struct V2Files {
    kind: &'static str,
    mch_id: &'static str,
    name: &'static str,
    apps: AppIds,
    key: &'static str,
    sign_type: SignType,
}

const V3: [V3Files; 3] = [
    V3Files {
        kind: "v3Certificate",
        mch_id: "1900000001",
        name: "模拟商户 Platform Certificate",
        apps: AppIds { mobile: "wx000000000000a101", account: "wx000000000000a102", lite: "wx000000000000a103" },
        private: key_file!("merchant_a_private.pem"),
        certificate: key_file!("merchant_a_cert.pem"),
        api_key: key_file!("apiv3_a.key"),
        certificates: true,
        public_key: None,
        v2_key: None,
    },
    V3Files {
        kind: "v3PublicKey",
        mch_id: "1900000002",
        name: "模拟商户 Public Key",
        apps: AppIds { mobile: "wx000000000000b201", account: "wx000000000000b202", lite: "wx000000000000b203" },
        private: key_file!("merchant_b_private.pem"),
        certificate: key_file!("merchant_b_cert.pem"),
        api_key: key_file!("apiv3_b.key"),
        certificates: false,
        public_key: Some(PublicKeyFiles {
            id: "PUB_KEY_ID_0119000000022026112300000000000000",
            private: key_file!("wechatpay_b_private.pem"),
            public: key_file!("wechatpay_b_public.pem"),
        }),
        v2_key: None,
    },
    V3Files {
        kind: "v3Both",
        mch_id: "1900000003",
        name: "模拟商户 Certificate and Public Key",
        apps: AppIds { mobile: "wx000000000000c301", account: "wx000000000000c302", lite: "wx000000000000c303" },
        private: key_file!("merchant_c_private.pem"),
        certificate: key_file!("merchant_c_cert.pem"),
        api_key: key_file!("apiv3_c.key"),
        certificates: true,
        public_key: Some(PublicKeyFiles {
            id: "PUB_KEY_ID_0119000000032026112300000000000000",
            private: key_file!("wechatpay_c_private.pem"),
            public: key_file!("wechatpay_c_public.pem"),
        }),
        v2_key: Some(key_file!("v2_c.key")),
    },
];

const V2: [V2Files; 2] = [
    V2Files {
        kind: "v2Md5",
        mch_id: "1900000004",
        name: "模拟商户 v2 MD5",
        apps: AppIds { mobile: "wx000000000000d401", account: "wx000000000000d402", lite: "wx000000000000d403" },
        key: key_file!("v2_d.key"),
        sign_type: SignType::Md5,
    },
    V2Files {
        kind: "v2HmacSha256",
        mch_id: "1900000005",
        name: "模拟商户 v2 HMAC-SHA256",
        apps: AppIds { mobile: "wx000000000000e501", account: "wx000000000000e502", lite: "wx000000000000e503" },
        key: key_file!("v2_e.key"),
        sign_type: SignType::HmacSha256,
    },
];

/// The kind of application of an appid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AppKind {
    /// A mobile application of the open platform.
    Mobile,
    /// A service account.
    Account,
    /// A mini program.
    Lite,
}

pub(super) struct PublicKey {
    pub(super) id: String,
    pub(super) signer: Sha256Signer,
}

/// A merchant's side of APIv3.
pub(super) struct V3Access {
    pub(super) serial: String,
    pub(super) key: Sha256Verifier,
    /// Only for forgeries: some gateways verify WeChat with the merchant's own certificate.
    pub(super) private: Sha256Signer,
    pub(super) api_key: String,
    /// Whether the merchant has platform certificates.
    pub(super) certificates: bool,
    pub(super) public_key: Option<PublicKey>,
}

pub(super) enum Access {
    V3(Box<V3Access>),
    /// The v2 key.
    V2(String),
}

pub(super) struct Merchant {
    pub(super) mch_id: String,
    pub(super) name: String,
    pub(super) mobile_app: String,
    pub(super) account: String,
    pub(super) lite: String,
    /// The service account's own secret, for the web authorisation.
    pub(super) app_secret: String,
    pub(super) access: Access,
    /// The v2 key besides APIv3: a merchant that moves has both, and each order is notified in the format in which it was made.
    pub(super) also_v2: Option<String>,
}

impl Merchant {
    pub(super) fn app(&self, app_id: &str) -> Option<AppKind> {
        if app_id == self.mobile_app {
            Some(AppKind::Mobile)
        } else if app_id == self.account {
            Some(AppKind::Account)
        } else if app_id == self.lite {
            Some(AppKind::Lite)
        } else {
            None
        }
    }

    pub(super) fn v3(&self) -> Option<&V3Access> {
        match &self.access {
            Access::V3(access) => Some(access),
            Access::V2(_) => None,
        }
    }

    pub(super) fn v2_key(&self) -> Option<&str> {
        match &self.access {
            Access::V3(_) => self.also_v2.as_deref(),
            Access::V2(key) => Some(key),
        }
    }
}

pub(super) struct PlatformCertificate {
    pub(super) facts: CertificateFacts,
    pub(super) pem: String,
    pub(super) signer: Sha256Signer,
}

/// How far the platform certificates have rolled over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Stage {
    #[default]
    Current,
    Announced,
    Rolled,
    Finished,
}

/// A key that signs, with its serial.
#[derive(Clone, Copy)]
pub(super) struct PlatformKey<'a> {
    pub(super) serial: &'a str,
    pub(super) signer: &'a Sha256Signer,
}

/// All merchants, the platform, and a key that belongs to nobody.
pub(super) struct Merchants {
    pub(super) list: Vec<Merchant>,
    pub(super) current: PlatformCertificate,
    pub(super) next: PlatformCertificate,
    /// Signs messages that must be refused.
    pub(super) other: Sha256Signer,
}

impl Merchants {
    pub(super) fn built_in() -> Result<Self, CryptoError> {
        let mut list = Vec::new();
        for files in &V3 {
            list.push(Merchant {
                mch_id: files.mch_id.to_owned(),
                name: files.name.to_owned(),
                mobile_app: files.apps.mobile.to_owned(),
                account: files.apps.account.to_owned(),
                lite: files.apps.lite.to_owned(),
                app_secret: app_secret(files.apps.account),
                access: Access::V3(Box::new(files.access()?)),
                also_v2: files.v2_key.map(|key| key.trim().to_owned()),
            });
        }
        for files in &V2 {
            list.push(Merchant {
                mch_id: files.mch_id.to_owned(),
                name: files.name.to_owned(),
                mobile_app: files.apps.mobile.to_owned(),
                account: files.apps.account.to_owned(),
                lite: files.apps.lite.to_owned(),
                app_secret: app_secret(files.apps.account),
                access: Access::V2(files.key.trim().to_owned()),
                also_v2: None,
            });
        }
        let [current, next] = PLATFORM;
        Ok(Self {
            list,
            current: platform_certificate(current.0, current.1)?,
            next: platform_certificate(next.0, next.1)?,
            other: Sha256Signer::from_pem(OTHER_PRIVATE)?,
        })
    }

    /// The merchant with this service account.
    pub(super) fn of_account(&self, app_id: &str) -> Option<&Merchant> {
        self.list.iter().find(|merchant| merchant.account == app_id)
    }

    pub(super) fn find(&self, mch_id: &str) -> Option<&Merchant> {
        self.list.iter().find(|merchant| merchant.mch_id == mch_id)
    }

    /// The certificates that `GET /v3/certificates` lists.
    pub(super) fn listed(&self, stage: Stage) -> Vec<&PlatformCertificate> {
        match stage {
            Stage::Current => vec![&self.current],
            Stage::Announced | Stage::Rolled => vec![&self.current, &self.next],
            Stage::Finished => vec![&self.next],
        }
    }

    /// The certificate that signs, unless another was requested.
    pub(super) fn active(&self, stage: Stage) -> &PlatformCertificate {
        match stage {
            Stage::Current | Stage::Announced => &self.current,
            Stage::Rolled | Stage::Finished => &self.next,
        }
    }

    /// The key that signs an answer. `wish` is the request's `Wechatpay-Serial`; `None` if the merchant has no such key.
    pub(super) fn answer_key(
        &self,
        access: Option<&V3Access>,
        wish: Option<&str>,
        stage: Stage,
    ) -> Option<PlatformKey<'_>> {
        let certificates = access.is_none_or(|access| access.certificates);
        match wish {
            Some(wish) => self
                .listed(stage)
                .into_iter()
                .filter(|_| certificates)
                .find(|certificate| certificate.facts.serial == wish)
                .map(PlatformCertificate::key)
                .or_else(|| self.public_key(access).filter(|key| key.serial == wish)),
            None if certificates => Some(self.active(stage).key()),
            None => self.public_key(access),
        }
    }

    /// The merchant's own WeChat Pay public key, taken from our list for its lifetime.
    pub(super) fn public_key(&self, access: Option<&V3Access>) -> Option<PlatformKey<'_>> {
        let id = &access?.public_key.as_ref()?.id;
        self.list
            .iter()
            .filter_map(|merchant| merchant.v3()?.public_key.as_ref())
            .find(|key| key.id == *id)
            .map(|key| PlatformKey { serial: &key.id, signer: &key.signer })
    }
}

impl PlatformCertificate {
    pub(super) fn key(&self) -> PlatformKey<'_> {
        PlatformKey { serial: &self.facts.serial, signer: &self.signer }
    }
}

impl V3Files {
    fn access(&self) -> Result<V3Access, CryptoError> {
        Ok(V3Access {
            serial: certificate_facts(self.certificate)?.serial,
            key: Sha256Verifier::from_certificate(self.certificate)?,
            private: Sha256Signer::from_pem(self.private)?,
            api_key: self.api_key.trim().to_owned(),
            certificates: self.certificates,
            public_key: match &self.public_key {
                Some(files) => {
                    Some(PublicKey { id: files.id.to_owned(), signer: Sha256Signer::from_pem(files.private)? })
                }
                None => None,
            },
        })
    }

    fn settings(&self, app_id: &str, gateway: &str) -> Value {
        let serial = certificate_facts(self.certificate).map(|facts| facts.serial).unwrap_or_default();
        let mut settings = json!({
            "protocol": "v3",
            "mchId": self.mch_id,
            "appId": app_id,
            "apiV3Key": self.api_key.trim(),
            "privateKey": self.private,
            "certSerial": serial,
            "gateway": gateway,
        });
        if let (Some(files), Some(members)) = (&self.public_key, settings.as_object_mut()) {
            members.insert("publicKeyId".to_owned(), json!(files.id));
            members.insert("publicKey".to_owned(), json!(files.public));
        }
        if let (true, [(_, current), _], Some(members)) = (self.certificates, PLATFORM, settings.as_object_mut()) {
            // Only the first: the merchant must fetch the second when the roll-over begins.
            members.insert("platformCerts".to_owned(), json!([current]));
        }
        settings
    }
}

fn platform_certificate(private: &str, pem: &str) -> Result<PlatformCertificate, CryptoError> {
    Ok(PlatformCertificate {
        facts: certificate_facts(pem)?,
        pem: pem.to_owned(),
        signer: Sha256Signer::from_pem(private)?,
    })
}

/// The throwaway secret of a built-in service account.
fn app_secret(account: &str) -> String {
    md5_hex(format!("the app secret of {account}").as_bytes())
}

/// The settings of both tabs. That of the service account has more members.
fn tabs(apps: AppIds, gateway: &str, of_app: impl Fn(&str) -> Value) -> Value {
    let mut account = of_app(apps.account);
    let more = [
        ("liteAppId", apps.lite.to_owned()),
        ("appSecret", app_secret(apps.account)),
        ("oauthPage", gateway.to_owned()),
        ("oauthGateway", gateway.to_owned()),
    ];
    if let Some(members) = account.as_object_mut() {
        members.extend(more.map(|(name, value)| (name.to_owned(), json!(value))));
    }
    json!({ "wx_app": of_app(apps.mobile), "wx_mp": account })
}

/// The channel settings that a merchant pastes into the gateway, by kind and tab.
pub(super) fn settings(base_url: &str) -> Value {
    let gateway = format!("{base_url}/simulator/wechat");
    let v3 = V3.iter().map(|files| {
        let tabs = tabs(files.apps, &gateway, |app_id| files.settings(app_id, &gateway));
        (files.kind.to_owned(), tabs)
    });
    let v2_tabs = |mch_id: &str, apps: AppIds, (key, sign_type): (&str, SignType)| {
        tabs(apps, &gateway, |app_id| {
            json!({
                "protocol": "v2",
                "mchId": mch_id,
                "appId": app_id,
                "apiKey": key.trim(),
                "signType": sign_type,
                "gateway": gateway,
            })
        })
    };
    let v2 =
        V2.iter().map(|files| (files.kind.to_owned(), v2_tabs(files.mch_id, files.apps, (files.key, files.sign_type))));
    let both = V3.iter().filter_map(|files| {
        let key = (files.v2_key?, SignType::Md5);
        Some((format!("{}V2", files.kind), v2_tabs(files.mch_id, files.apps, key)))
    });
    Value::Object(v3.chain(v2).chain(both).collect())
}
