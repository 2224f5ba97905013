// What each wallet's own SDK must do. Those SDKs are their makers', and no package of theirs is needed here: an app that links one gives a class of
// some lines, which are in the folder Adapters.

import Foundation

/// Where a wallet shows itself: on iOS a `UIViewController`.
public typealias Presenter = AnyObject

/// Over `AlipaySDK`.
public protocol AlipayWallet: AnyObject {
    /// `payOrder:fromScheme:callback:`. `heard` gets the dictionary with `resultStatus`.
    func pay(order: String, scheme: String, heard: @escaping ([AnyHashable: Any]) -> Void)
    /// `processOrderWithPaymentResult:standbyCallback:`.
    func open(_ url: URL, heard: @escaping ([AnyHashable: Any]) -> Void)
}

/// Over `WXApi`. Its answer comes to a delegate, which tells `Wallets.heardFromWechat`.
public protocol WechatWallet: AnyObject {
    var isInstalled: Bool { get }
    /// `registerApp:universalLink:`.
    func register(appId: String, universalLink: String) -> Bool
    /// `sendReq:completion:` with a `PayReq`.
    func pay(_ request: WechatRequest, sent: @escaping (Bool) -> Void)
    /// `handleOpenURL:delegate:`.
    func open(_ url: URL) -> Bool
    #if canImport(UIKit)
    /// `handleOpenUniversalLink:delegate:`.
    func open(_ activity: NSUserActivity) -> Bool
    #endif
}

/// Over `UPPaymentControl`.
public protocol UnionPayWallet: AnyObject {
    /// `startPay:fromScheme:mode:viewController:`, with mode `00` for live and `01` for test.
    func pay(tn: String, scheme: String, mode: String, presenter: Presenter?) -> Bool
    /// `handlePaymentResult:completeBlock:`. `heard` gets `success`, `fail` or `cancel`.
    func open(_ url: URL, heard: @escaping (String, [AnyHashable: Any]?) -> Void) -> Bool
}

/// Over `UPAPayPlugin`, UnionPay's of Apple Pay.
public protocol ApplePayWallet: AnyObject {
    /// `PKPaymentAuthorizationViewController.canMakePayments(usingNetworks: [.chinaUnionPay])`.
    var isAvailable: Bool { get }
    /// `startPay:mode:viewController:delegate:andAPMechantID:`.
    func pay(tn: String, mode: String, merchantId: String, presenter: Presenter?, heard: @escaping (WalletWord) -> Void) -> Bool
}

/// What WeChat's `PayReq` needs, by the names of the charge's answer.
public struct WechatRequest: Hashable, Sendable {
    public let appId: String
    public let partnerId: String
    public let prepayId: String
    public let package: String
    public let nonceStr: String
    public let timeStamp: UInt32
    public let sign: String

    public init(_ charged: Charged) throws {
        appId = try charged.param("appid")
        partnerId = try charged.param("partnerid")
        prepayId = try charged.param("prepayid")
        package = try charged.param("package")
        nonceStr = try charged.param("noncestr")
        sign = try charged.param("sign")
        guard let timeStamp = UInt32(try charged.param("timestamp")) else {
            throw MaxPayError.invalidInput(field: "timestamp", expected: "must be seconds since 1970")
        }
        self.timeStamp = timeStamp
    }
}

/// What a wallet says of a payment. It proves nothing: `unknown` wherever nobody says anything.
public enum WalletWord: String, Sendable {
    case success, cancel, unknown
}

/// A wallet's word, and the words of its SDK.
public struct Said: @unchecked Sendable {
    public let word: WalletWord
    public let detail: [AnyHashable: Any]?

    public init(_ word: WalletWord, detail: [AnyHashable: Any]? = nil) {
        self.word = word
        self.detail = detail
    }

    /// 9000 is paid and 6001 is cancelled. 8000 and 6004 are in process, and of all others only the bill knows.
    init(alipay detail: [AnyHashable: Any]) {
        let status = detail["resultStatus"].map { "\($0)" }
        self.init(status == "9000" ? .success : status == "6001" ? .cancel : .unknown, detail: detail)
    }

    /// 0 is paid and -2 is cancelled.
    init(wechat errorCode: Int) {
        self.init(errorCode == 0 ? .success : errorCode == -2 ? .cancel : .unknown, detail: ["errCode": errorCode])
    }

    init(unionPay code: String, _ data: [AnyHashable: Any]?) {
        let word: WalletWord = code == "success" ? .success : code == "cancel" ? .cancel : .unknown
        self.init(word, detail: (data ?? [:]).merging(["code": code]) { _, last in last })
    }
}
