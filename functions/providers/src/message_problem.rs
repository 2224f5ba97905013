//! Everything that can be wrong with a provider's message: an answer, a notify, a bill. A provider's own words in a sentence are
//! cut short where they are read, and are not changed otherwise.

use domain::Timestamp;

use crate::SettingProblem;

domain::sentences! {
    /// What is wrong with a provider's message, or why nothing can be concluded from it.
    pub enum MessageProblem, MessageProblemKind {
        // Any message.
        Http { status: u16 } = "message-http": "HTTP status {status}";
        ContentType { expected: &'static str } = "message-content-type": "the content type must be {expected}";
        TooLong { bytes_max: usize } = "message-too-long": "the body is longer than {bytes_max} bytes";
        NotUtf8 = "message-not-utf-8": "the body is not UTF-8";
        UnknownCharset = "message-unknown-charset": "the body is neither UTF-8 nor GB18030";
        NotJson { why: String } = "message-not-json": "the body is not the documented JSON: {why}";
        NotXml { problem: Box<MessageProblem> } = "message-not-xml": "the body is not the documented XML: {problem}";
        Missing { field: String } = "message-missing": "{field} is missing";
        Unreadable { field: String } = "message-unreadable": "{field} is missing or cannot be read";
        Twice { field: String } = "message-twice": "{field} appears twice";
        NotAscii { field: String } = "message-not-ascii": "{field} is not ASCII";
        NotBase64 { field: String } = "message-not-base64": "{field} is not base64";
        NoYuan { field: String } = "message-no-yuan": "{field} must be an amount in yuan";
        Charset { field: String, found: String } = "message-charset": "{field} must be utf-8, gbk, gb2312 or gb18030, found {found}";
        // Forms.
        TooManyFields = "message-too-many-fields": "there are more fields than any answer has";
        FieldsMax { fields_max: usize } = "message-fields-max": "there are more than {fields_max} fields";
        FieldTwice = "message-field-twice": "a field appears twice";
        NoValue = "message-no-value": "a field has no value";
        NoName = "message-no-name": "a field has no value, or no name";
        FieldCharset = "message-field-charset": "a field is neither UTF-8 nor GB18030";
        // XML.
        Xml { why: String } = "message-xml": "{why}";
        XmlCharset = "message-xml-charset": "it is neither UTF-8 nor GB18030";
        DocumentType = "message-document-type": "it has a document type";
        Entity = "message-entity": "it declares an entity";
        CutOff = "message-cut-off": "it is incomplete";
        TooManyParts { parts_max: usize } = "message-too-many-parts": "it has more than {parts_max} parts";
        TooDeep { depth_max: usize } = "message-too-deep": "it has more than {depth_max} levels";
        // The signature of an answer.
        UnsignedSuccess = "message-unsigned-success": "the answer says success, but has no signature";
        AlipayCertificate { found: String, held: String } = "message-alipay-certificate": "it is signed with Alipay's certificate {found}, and alipayCert holds {held}: download the new one and configure it";
        AlipaySignature { field: &'static str } = "message-alipay-signature": "its signature does not match {field}; check that this key is Alipay's, and of this app";
        WechatSignature { field: &'static str } = "message-wechat-signature": "its signature does not match {field}; check that it is WeChat Pay's, and of this merchant";
        SignedWith { found: String, expected: &'static str } = "message-signed-with": "it is signed with {found}, but {expected} is expected";
        Probe = "message-probe": "it is WeChat Pay's own test of a wrong signature";
        Stale { seconds: u64, seconds_max: u64 } = "message-stale": "its signing time is {seconds} s away from now; at most {seconds_max} s are allowed";
        NoSerial = "message-no-serial": "wechatpay-serial must be a serial number";
        NoSeconds = "message-no-seconds": "wechatpay-timestamp must be a number of seconds";
        // The same for answers that are signed as notifies are.
        AnswerMalformed { reason: Box<MessageProblem> } = "answer-malformed": "the answer is malformed: {reason}";
        AnswerUnsigned = "answer-unsigned": "the answer has no signature";
        AnswerAlgorithm { found: String, expected: &'static str } = "answer-algorithm": "the answer is signed with {found}, but {expected} is configured";
        AnswerSignature { field: &'static str } = "answer-signature": "the signature of the answer does not match its content and {field}";
        AnswerUnknownKey { serial: String } = "answer-unknown-key": "the answer is signed with certificate {serial}, which is not known here";
        AnswerStale { seconds: u64, seconds_max: u64 } = "answer-stale": "the signing time of the answer is {seconds} s away from now; at most {seconds_max} s are allowed";
        AnswerProbe = "answer-probe": "the answer is the provider's own test of a wrong signature";
        AnswerSealed { field: &'static str } = "answer-sealed": "the content of the answer cannot be decrypted with {field}";
        AnswerUntrusted { problem: TrustProblem } = "answer-untrusted": "the certificate of the answer is not trusted: {problem}";
        // What an answer says.
        NoContent = "message-no-content": "the answer says success, but has no content";
        Unusable { field: String } = "message-unusable": "the answer says success, but has no usable {field}";
        NotAskedFor = "message-not-asked-for": "the answer says success, but does not fit the request";
        Page = "message-page": "the body is a web page, not an answer";
        NoCode = "message-no-code": "the answer has no code";
        NoRespCode = "message-no-resp-code": "respCode is missing";
        BothNodes { node: String } = "message-both-nodes": "the answer has both {node} and error_response";
        NoNode { node: String } = "message-no-node": "the answer has neither {node} nor error_response";
        IsSuccess = "message-is-success": "is_success and error do not say what happened";
        ReturnCode = "message-return-code": "return_code and result_code do not say what happened";
        Documented204 = "message-documented-204": "HTTP status 200 where 204 is documented";
        Content204 = "message-content-204": "HTTP status 204 with content";
        HttpCode { status: u16, code: String, words: String } = "message-http-code": "HTTP status {status} {code} {words}";
        HttpNoCode { status: u16, words: String } = "message-http-no-code": "HTTP status {status} without a code {words}";
        AlipayBusy { code: String, words: String } = "message-alipay-busy": "alipay answered {code}: {words}";
        AlipayBusyCode { code: String } = "message-alipay-busy-code": "alipay answered {code}";
        WechatBusy { code: String, words: String } = "message-wechat-busy": "wechat answered {code}: {words}";
        UnionpayBusy { code: String, words: String } = "message-unionpay-busy": "unionpay answered {code}: {words}";
        SignedCode { code: String, sub_code: String, words: String } = "message-signed-code": "signed code {code}, {sub_code}: {words}";
        UnsignedCode { code: String, sub_code: String, words: String } = "message-unsigned-code": "unsigned code {code}, {sub_code}: {words}";
        UnsignedRefusal { code: String, words: String } = "message-unsigned-refusal": "unsigned code {code}: {words}";
        // What it is about.
        OtherOrder { found: String, expected: String } = "message-other-order": "it is about order {found}, not {expected}";
        OtherOrderId { found: String, expected: String } = "message-other-order-id": "it is about order `{found}`, not {expected}";
        OtherField { field: String, found: String, expected: String } = "message-other-field": "it is about {field} {found}, not {expected}";
        OtherMerchant = "message-other-merchant": "it is about a merchant other than merId";
        OtherRefund = "message-other-refund": "it is about another refund";
        OtherRefundFee { field: String } = "message-other-refund-fee": "{field} differs from the amount of the refund";
        RefundAbsent = "message-refund-absent": "the answer does not contain the refund";
        EmptyOrder = "message-empty-order": "the answer about the order has no content";
        EmptyRefund = "message-empty-refund": "the answer about the refund has no content";
        // Platform certificates.
        EmptyCertificates = "message-empty-certificates": "the list of certificates has no content";
        NoList = "message-no-list": "data is missing, or is not a list";
        TooManyCertificates { certificates_max: usize } = "message-too-many-certificates": "there are more than {certificates_max} certificates";
        NoValidCertificate = "message-no-valid-certificate": "there is no certificate that is still valid";
        ItemNotJson { why: String } = "message-item-not-json": "an item is not the documented JSON: {why}";
        ItemWithout { field: &'static str } = "message-item-without": "an item has no {field}";
        ItemDamaged { problem: SettingProblem } = "message-item-damaged": "a certificate {problem}";
        ItemSeveral = "message-item-several": "an item contains more than one certificate";
        OtherSerial = "message-other-serial": "serial_no differs from that of the certificate";
        OwnCertificate = "message-own-certificate": "a certificate is the merchant's own";
        CertificateUnusable { problem: SettingProblem } = "message-certificate-unusable": "{problem}";
        // Encrypted content.
        SealAlgorithm = "message-seal-algorithm": "algorithm must be AEAD_AES_256_GCM";
        SealNonce = "message-seal-nonce": "nonce must have 12 bytes";
        SealData = "message-seal-data": "associated_data must be a string";
        SealNotUtf8 = "message-seal-not-utf-8": "the content is not UTF-8";
        SealBlocks = "message-seal-blocks": "req_info must have a whole number of blocks";
        SealNotJson { why: String } = "message-seal-not-json": "it is not the documented JSON: {why}";
        // What a notify is about.
        AnswerToQuery = "message-answer-to-query": "it is the answer to a query";
        NoRefund = "message-no-refund": "it is not about a refund";
        ForeignRefund = "message-foreign-refund": "orderId and reqReserved are not of a refund made here";
        ForeignMerchant = "message-foreign-merchant": "merId is of another merchant";
        ForeignOrder = "message-foreign-order": "orderId is not an order made here";
        StrangeEvent { event: String } = "message-strange-event": "{event} is not an event that is expected here";
        ReturnCodeFails = "message-return-code-fails": "return_code is not SUCCESS";
        AlipayRefundNotify = "message-alipay-refund-notify": "alipay reports refunds in the payment's notify";
        AlipayReturn = "message-alipay-return": "alipay's page sends the browser to the shop directly";
        WechatReturn = "message-wechat-return": "wechat pay does not send the browser back";
        FormerForm = "message-former-form": "it has the form of the old protocol, but its order was made after the change";
        // Bills.
        EmptyBill = "message-empty-bill": "the answer with the bill has no content";
        BillNotYet = "message-bill-not-yet": "there is no bill yet, but money moved on this day";
        BillHash = "message-bill-hash": "hash_type must be SHA1";
        BillAddress = "message-bill-address": "the bill's address cannot be used";
        BillContent = "message-bill-content": "the answer says success, but has no fileContent";
        BillPacking { why: String } = "message-bill-packing": "the bill cannot be unpacked: {why}";
        BillCutOff = "message-bill-cut-off": "the bill ends before its totals";
        BillColumn { column: String } = "message-bill-column": "the bill has no column {column}";
        BillHeading = "message-bill-heading": "the bill has no heading";
        BillFile = "message-bill-file": "the bill contains no file named ZM_";
        BillUnreadable { lines_max: usize, problem: LineProblem } = "message-bill-unreadable": "more than {lines_max} lines of the bill cannot be read; the first: {problem}";
        BillOrder { order: String } = "message-bill-order": "order {order} has more lines than any order can have";
        BillHttp { status: u16 } = "message-bill-http": "the download of the bill got HTTP status {status}";
    }
}

domain::sentences! {
    /// Why the certificate in a message is not trusted.
    pub enum TrustProblem, TrustProblemKind {
        NotValid { at: Timestamp } = "trust-not-valid": "it is not valid at {at}";
        NotIssued = "trust-not-issued": "no certificate of middleCert issued it";
        MiddleNotValid { at: Timestamp } = "trust-middle-not-valid": "middleCert, which issued it, is not valid at {at}";
        RootNotValid { at: Timestamp } = "trust-root-not-valid": "the rootCert of middleCert, which issued it, is not valid at {at}";
        CommonNames { count: usize } = "trust-common-names": "it has {count} common names; one is expected";
        OtherOwner { found: String, expected: String } = "trust-other-owner": "it belongs to `{found}`, not to `{expected}`";
        TooLong { bytes_max: usize } = "trust-too-long": "it is longer than {bytes_max} bytes";
        Several { count: usize } = "trust-several": "there are {count} of them; one is expected";
        Unfit { problem: SettingProblem } = "trust-unfit": "{problem}";
    }
}

domain::sentences! {
    /// Why a line of a bill cannot be read.
    pub enum LineProblem, LineProblemKind {
        TooLong = "line-too-long": "it is longer than any line of a bill";
        TooLongOfFile = "line-too-long-of-file": "it is longer than any line of the file";
        TooFewCells { found: usize, columns: usize } = "line-too-few-cells": "it has {found} cells, but the heading has {columns}";
        CellsUnfit { found: usize, columns: usize } = "line-cells-unfit": "its {found} cells do not fit the {columns} columns";
        CellUnclear { column: String } = "line-cell-unclear": "it is not clear which of its cells is {column}";
        AmountUnclear = "line-amount-unclear": "it is not clear which of its cells is the amount";
        CellEmpty { column: String } = "line-cell-empty": "its {column} is empty";
        Amount { why: String } = "line-amount": "{why}";
        ColumnMisplaced { column: usize } = "line-column-misplaced": "column {column} is not where it belongs";
        NoQueryId = "line-no-query-id": "column 10 must be a queryId";
        NoAmount { found: String } = "line-no-amount": "column 7 must be an amount, found `{found}`";
    }
}

domain::sentences! {
    /// What a code of WeChat Pay about a refund means, if it comes without words.
    pub enum RefundWords, RefundWordsKind {
        Closed = "refund-closed": "the refund was closed";
        PayersAccount = "refund-payers-account": "the payer's account cannot take the refund: deal with it in WeChat Pay's merchant platform";
    }
}
