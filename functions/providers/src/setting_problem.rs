//! Everything that can be wrong with one of the settings that an operator typed. No sentence repeats the input.

domain::sentences! {
    /// What is wrong with a setting, and what was expected.
    pub enum SettingProblem, SettingProblemKind {
        // Any member.
        UnknownMember { protocol: String, known: String } = "unknown-member": "is not a setting of protocol {protocol}, which has {known}";
        NoText = "no-text": "must be a JSON string, in double quotes";
        Empty = "empty": "is empty; give a value, or leave it out";
        TooLong { bytes_max: usize } = "too-long": "is longer than {bytes_max} bytes";
        MissingAlipayKey = "missing-alipay-key": "is missing: give Alipay's public key, or appCert, alipayCert and alipayRootCert";
        MissingKeys = "missing-keys": "is missing: give the security key, or privateKey, or both";
        MissingVerifier = "missing-verifier": "is missing: it verifies Alipay's RSA signatures";
        MissingPublicKey = "missing-public-key": "is missing: WeChat Pay's public key, whose id is publicKeyId";
        MissingPublicKeyId = "missing-public-key-id": "is missing: the id of publicKey, PUB_KEY_ID_ and digits";
        MissingForMerchant = "missing-for-merchant": "is missing: wechat pay signs with this key for the merchant, and not with certificates";
        Missing { what: String } = "missing": "is missing: {what}";
        NoList = "no-list": "must be a JSON array of strings";
        TooManyItems { count: usize, items_max: usize } = "too-many-items": "has {count} items; at most {items_max} are allowed";
        EmptyItem = "empty-item": "has an empty item";
        ItemTooLong { bytes_max: usize } = "item-too-long": "has an item that is longer than {bytes_max} bytes";
        StoredUnreadable = "stored-unreadable": "the stored settings are not a JSON object; save them again";
        // Gateways and protocols.
        NoFullUrl { example: String } = "no-full-url": "must be a full URL, such as {example}";
        NoHttps = "no-https": "must start with https://";
        NoHost = "no-host": "must have a host, and no user or password";
        UrlHasQuery = "url-has-query": "must end with its path, without ? and #";
        GatewayPath = "gateway-path": "must have no path, or a path of letters, digits, - and _";
        GatewayMethod { example: &'static str } = "gateway-method": "must end before the name of a method, such as {example}";
        SimulatorNotHere = "simulator-not-here": "the simulator works only in test mode of the local stack";
        NoSimulator = "no-simulator": "there is no simulator for this tab here; simulators are a part of the local stack";
        AlipayProtocol = "alipay-protocol": "must be openapi, or mapi for old accounts";
        WechatProtocol = "wechat-protocol": "must be v3, or v2 for old accounts";
        UnionpayProtocol = "unionpay-protocol": "must be left out: unionpay has one protocol, ACP 5.1.0";
        ForeignTab { tab: String } = "foreign-tab": "tab {tab} is not UnionPay's";
        // Keys.
        PrivateKeyExpected { given: Given } = "private-key-expected": "{given}, a private key is expected";
        CertificateAsPublicKey { problem: Box<SettingProblem> } = "certificate-as-public-key": "{problem}; certificates go into platformCerts";
        PublicKeyExpected { given: Given } = "public-key-expected": "{given}, a public key is expected";
        Unfit { given: Given } = "unfit": "{given}";
        KeyTooShort { bits: usize, algorithm: &'static str, bits_min: usize } = "key-too-short": "the key has {bits} bits; {algorithm} needs at least {bits_min}";
        KeyTooLong { bits: usize, bits_max: usize } = "key-too-long": "the key has {bits} bits; at most {bits_max} can be used";
        NoRsaNumbers = "no-rsa-numbers": "is damaged: its numbers are not an RSA key";
        DoesNotSign = "does-not-sign": "is damaged: it cannot sign";
        CertificateDamaged = "certificate-damaged": "is damaged: it cannot be read as a certificate";
        BlockDamaged = "block-damaged": "is damaged: a PEM block has characters that are not base64";
        RootDamaged = "root-damaged": "is damaged: its self-signature is wrong";
        PfxDamaged = "pfx-damaged": "is damaged, or is not a PFX file";
        Damaged { why: String } = "damaged": "is damaged: {why}";
        Encrypted = "encrypted": "is encrypted; give the private key without a passphrase";
        Backslash = "backslash": "has a backslash and an n where a line break belongs";
        NeitherPemNorBase64 = "neither-pem-nor-base64": "is neither PEM nor base64";
        HeaderCutOff = "header-cut-off": "is cut off: a PEM header has no end";
        CutOff { end: String } = "cut-off": "is cut off: `{end}` is missing";
        SeveralBlocks { count: usize } = "several-blocks": "has {count} PEM blocks; one is expected";
        TooManyBlocks { blocks_max: usize } = "too-many-blocks": "has more than {blocks_max} PEM blocks";
        SignsNot = "signs-not": "cannot sign";
        // Certificates.
        PublicKeyAsCertificate { problem: Box<SettingProblem> } = "public-key-as-certificate": "{problem}; it goes into publicKey";
        CertificateExpected { given: Given } = "certificate-expected": "{given}, a certificate is expected";
        ItsKey { problem: Box<SettingProblem> } = "its-key": "its key cannot be used: {problem}";
        NoCertificate = "no-certificate": "contains no certificate";
        SelfSignedEnd = "self-signed-end": "ends in a self-signed certificate that is not in alipayRootCert";
        OtherIssuer = "other-issuer": "is not signed by its issuer, as this file or alipayRootCert has it";
        ChainTooLong { certificates_max: usize } = "chain-too-long": "its chain is longer than {certificates_max} certificates";
        TooManyCertificates { certificates_max: usize } = "too-many-certificates": "there are more than {certificates_max} certificates";
        // Alipay.
        AlipayAppId { digits_max: usize } = "alipay-app-id": "must be 1 to {digits_max} digits";
        AlipayAccount = "alipay-account": "must be an Alipay account number, 2088 and 12 more digits";
        SecurityKey = "security-key": "must be the security key: letters, digits and signs without spaces";
        UselessAlipayKey = "useless-alipay-key": "has no use without privateKey: with md5Key alone Alipay signs by md5Key";
        KeyBesideCertificates = "key-beside-certificates": "cannot be used together with certificates: give either alipayPublicKey, or appCert, alipayCert and alipayRootCert";
        OwnKeyAsAlipays = "own-key-as-alipays": "this is your own public key, not Alipay's: it is the public half of privateKey";
        OwnCertificateAsAlipays = "own-certificate-as-alipays": "this is your own certificate, not Alipay's: it belongs to privateKey";
        ForeignAppCertificate = "foreign-app-certificate": "the app certificate does not belong to the private key";
        NoRsaRoot = "no-rsa-root": "contains no certificate that is signed by an RSA key";
        AliAppNeedsKey = "ali-app-needs-key": "is not configured, but ali_app of the legacy interface (mapi) is signed with it";
        NeitherKey = "neither-key": "is not configured, and privateKey is not configured either";
        // WeChat Pay.
        WechatMerchant { digits_max: usize } = "wechat-merchant": "must be the merchant's number, 1 to {digits_max} digits";
        WechatAppId { chars_max: usize } = "wechat-app-id": "must be wx and then letters and digits, at most {chars_max} characters";
        WechatAppSecret { chars: usize } = "wechat-app-secret": "must be the app secret of the official account, {chars} letters and digits";
        WechatRefuses { code: String, words: String } = "wechat-refuses": "wechat refuses it with {code}: {words}";
        WxLiteNeedsAppId = "wx-lite-needs-app-id": "is not configured, but wx_lite is charged with it";
        SignType = "sign-type": "must be MD5 or HMAC-SHA256";
        ApiKeySigns = "api-key-signs": "must be ASCII without spaces";
        ApiKeyLength { bytes: usize, found: usize } = "api-key-length": "must be exactly {bytes} bytes, found {found}";
        ApiKeyOther = "api-key-other": "cannot decrypt what wechat pay encrypts with it, so it could not decrypt notifies either";
        IdAsSerial = "id-as-serial": "this is the id of WeChat Pay's public key; give it as publicKeyId";
        CertificateSerial { digits: usize } = "certificate-serial": "must be {digits} upper-case hex digits, with all leading zeros";
        WechatsSerial = "wechats-serial": "is the serial number of WeChat Pay's certificate; give that of your own (apiclient_cert.pem)";
        SerialAsId = "serial-as-id": "must be PUB_KEY_ID_ and digits; this is a certificate's serial number";
        PublicKeyId = "public-key-id": "must be PUB_KEY_ID_ and digits";
        OwnKeyAsWechats = "own-key-as-wechats": "this is your own public key, not WeChat Pay's: it is the public half of privateKey";
        OwnCertificateAsWechats = "own-certificate-as-wechats": "this is your own certificate (apiclient_cert.pem), not WeChat Pay's: it belongs to privateKey";
        UselessWithout { field: &'static str } = "useless-without": "has no use without {field}";
        P12IsPem = "p12-is-pem": "is PEM; give apiclient_cert.p12 as base64";
        P12NoBase64 = "p12-no-base64": "is not base64; give apiclient_cert.p12 as base64";
        RefundsNeedP12 = "refunds-need-p12": "is not configured, but v2 sends refunds with it";
        // UnionPay.
        UnionpayMerchant { chars: usize } = "unionpay-merchant": "must be {chars} digits or letters";
        CommonName = "common-name": "must be only the third part of the common name, without any @";
        NoAuthority = "no-authority": "is not the certificate of an authority: it cannot issue certificates";
        IsRoot = "is-root": "is self-signed: it belongs in rootCert";
        IsMiddle = "is-middle": "is issued by another certificate: it belongs in middleCert";
        NotIssuedByRoot = "not-issued-by-root": "is not issued by rootCert";
        // PFX files.
        PfxDoesNotSign = "pfx-does-not-sign": "its private key is damaged: it cannot sign";
        PfxInBase64Expected { given: Given } = "pfx-in-base64-expected": "{given}, a PFX file in base64 is expected";
        PfxExpected { given: Given } = "pfx-expected": "{given}, a PFX file is expected";
        NoBase64 = "no-base64": "is not base64";
        PfxPasswordSigns = "pfx-password-signs": "has a character that no PFX password can have";
        PfxPassword = "pfx-password": "does not open the PFX file";
        NoPrivateKey = "no-private-key": "contains no private key: export it together with the certificate";
        SeveralPrivateKeys { count: usize } = "several-private-keys": "contains {count} private keys; one is expected";
        NoOwnCertificate = "no-own-certificate": "contains no certificate of its private key";
        OnePrivateKey = "one-private-key": "must contain one private key";
        ItsPrivateKey { problem: Box<SettingProblem> } = "its-private-key": "its private key cannot be used: {problem}";
        ProtectedWith { algorithm: String } = "protected-with": "is protected with {algorithm}, which cannot be read here: export it again with AES-256";
        PfxEncryption = "pfx-encryption": "is encrypted in a way that cannot be read here: export it again";
    }
}

domain::sentences! {
    /// What was given instead of something else.
    pub enum Given, GivenKind {
        PrivateKey = "given-private-key": "this is a private key";
        OtherPrivateKey = "given-other-private-key": "this is a private key of another kind than RSA";
        EncryptedPrivateKey = "given-encrypted-private-key": "this is an encrypted private key";
        PublicKey = "given-public-key": "this is a public key";
        OtherPublicKey = "given-other-public-key": "this is a public key of another kind than RSA";
        Certificate = "given-certificate": "this is a certificate";
        Pem = "given-pem": "this is PEM";
        Unknown = "given-unknown": "this is neither a key nor a certificate";
    }
}
