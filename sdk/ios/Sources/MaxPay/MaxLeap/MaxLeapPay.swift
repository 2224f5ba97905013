// The names of MaxLeap's iOS SDK for Objective-C, so that the code of an app that used it stays. New code takes MaxPay and Wallets.

#if canImport(UIKit)
import Foundation
import UIKit

@objc public enum MLPayEnvironment: Int32 {
    case production, sandbox, offline
}

/// Numbers and names of the original. The channels that no app pays by are there for queries.
@objc public enum MLPayChannel: Int32 {
    case none = 0
    case ali = 10, aliApp, aliWeb, aliQrcode
    case wx = 20, wxApp, wxJsapi
    case payPal = 30
    case amazon = 40
    case unipay = 50, unipayApp, unipayWeb

    private static let names: [MLPayChannel: String] = [
        .ali: "ali", .aliApp: "ali_app", .aliWeb: "ali_web", .aliQrcode: "ali_qrcode", .wx: "wx", .wxApp: "wx_app", .wxJsapi: "wx_jsapi",
        .unipay: "unipay", .unipayApp: "unipay_app", .unipayWeb: "unipay_web",
    ]

    var channel: Channel { Channel(rawValue: Self.names[self] ?? "") }

    init(_ channel: Channel) {
        self = Self.names.first { $0.value == channel.rawValue }?.key ?? .none
    }
}

@objc public enum MLPayResultCode: Int {
    @objc(MLPaySuccess) case success = 0
    @objc(MLPayErrorUnknown) case unknown = -1
    @objc(MLPayErrorUserCancel) case userCancel = -2
    @objc(MLPayErrorSentFail) case sentFail = -3
    @objc(MLPayErrorUnsupport) case unsupport = -4
    @objc(MLPayErrorAppInvalid) case appInvalid = 1
    @objc(MLPayErrorPayFactorNotSet) case payFactorNotSet = 2
    @objc(MLPayErrorChannelInvalid) case channelInvalid = 3
    @objc(MLPayErrorMissParam) case missParam = 4
    @objc(MLPayErrorParamInvalid) case paramInvalid = 5
    @objc(MLPayErrorCertFileError) case certFileError = 6
    @objc(MLPayErrorChannelError) case channelError = 7
    @objc(MLPayErrorRuntimeError) case runtimeError = 14
}

@objc public final class MLPayment: NSObject {
    @objc public var channel = MLPayChannel.none
    @objc public var billNo: String?
    /// In fen.
    @objc public var totalFee = 0
    @objc public var subject: String?
    @objc public let extraAttrs = NSMutableDictionary()
    @objc public var scheme: String?
    @objc public var returnUrl: String?

    var asked: MaxLeapPayment {
        MaxLeapPayment(
            channel: channel.channel, billNo: billNo ?? "", totalFee: totalFee, subject: subject ?? "", extraAttrs: JSON(any: extraAttrs)?.object ?? [:],
            scheme: scheme, returnUrl: returnUrl)
    }
}

@objc public final class MLPayResult: NSObject {
    @objc public let code: MLPayResultCode
    @objc public let error: NSError?
    /// The words of the wallet's SDK.
    @objc public let infoDict: [AnyHashable: Any]?
    @objc public let channel: MLPayChannel
    @objc public let payment: MLPayment?

    init(_ outcome: MaxLeapOutcome, channel: MLPayChannel, payment: MLPayment?) {
        code = MLPayResultCode(rawValue: outcome.code) ?? .unknown
        error = outcome.code == MaxLeapCode.success ? nil : MaxLeapPay.error(outcome.code, outcome.message ?? "")
        infoDict = outcome.info
        self.channel = channel
        self.payment = payment
    }
}

@objc public final class MLOrder: NSObject {
    @objc public let orderId: String
    @objc public let billNo: String
    @objc public let channel: MLPayChannel
    @objc public let currency: String
    @objc public let money: String
    /// In fen.
    @objc public let totalFee: Int
    /// `created`, `success`, `refund` or `closed`. The original's guide says `pay`, and meant `success`.
    @objc public let status: String
    @objc public let infoDictionary: [String: Any]

    init(_ record: BillRecord) {
        orderId = record.id
        billNo = record.billNum
        channel = MLPayChannel(record.channel)
        currency = record.currency
        money = record.money
        totalFee = Int(record.totalFee)
        status = record.json["status"]?.string ?? ""
        infoDictionary = record.json.mapValues(\.any)
    }
}

@objc public final class MaxLeapPay: NSObject {
    @objc public static let errorDomain = "MLPayErrorDomain"

    private static let lock = NSLock()
    nonisolated(unsafe) private static var maxpay: MaxPay?
    nonisolated(unsafe) private static var environment = MaxLeapEnvironment.production

    /// In place of `+[MaxLeap setApplicationId:clientKey:site:]`: when the app starts. False if one of them is wrong; the log says which.
    @objc(setGateway:applicationId:clientKey:)
    @discardableResult
    public static func setGateway(_ url: String, applicationId: String, clientKey: String) -> Bool {
        do {
            let made = try MaxPay(Configuration(url: url, appId: applicationId, clientKey: clientKey))
            lock.withLock { maxpay = made }
            return true
        } catch {
            NSLog("MaxPay: %@", "\(error)")
            return false
        }
    }

    @objc(setEnvironment:)
    public static func setEnvironment(_ environment: MLPayEnvironment) {
        lock.withLock { self.environment = MaxLeapEnvironment(rawValue: environment.rawValue) ?? .production }
    }

    /// Spelled as the original spells it.
    @objc(isChannelAvaliable:)
    public static func isChannelAvaliable(_ channel: MLPayChannel) -> Bool {
        lock.withLock { environment } != .offline && Wallets.shared.isAvailable(channel.channel)
    }

    /// `completion` is heard once, on the main thread.
    @objc(startPayment:completion:)
    public static func startPayment(_ payment: MLPayment, completion: @escaping (MLPayResult) -> Void) {
        let asked = payment.asked
        let channel = payment.channel
        Task { @MainActor in
            let outcome = await flow()?.pay(asked) ?? notSet
            completion(MLPayResult(outcome, channel: channel, payment: payment))
        }
    }

    /// False for what is no wallet's. `completion` hears what came back for nobody: the system ended the app while the payer was in the wallet.
    @objc(handleOpenUrl:completion:)
    public static func handleOpenUrl(_ url: URL, completion: @escaping (MLPayResult) -> Void) -> Bool {
        Wallets.shared.heardForNobody = { channel, said in
            let code = said.word == .success ? MaxLeapCode.success : said.word == .cancel ? MaxLeapCode.cancelled : MaxLeapCode.unknown
            completion(MLPayResult(MaxLeapOutcome(code: code, info: said.detail), channel: MLPayChannel(channel), payment: nil))
        }
        return Wallets.shared.open(url)
    }

    /// The `PayResp` of WeChat's SDK, from `onResp:` of its delegate.
    @objc(handleWXPayResponse:)
    public static func handleWXPayResponse(_ response: NSObject) {
        Wallets.shared.heardFromWechat(errorCode: (response.value(forKey: "errCode") as? NSNumber)?.intValue ?? -1)
    }

    /// As the original; the universal link, which WeChat's SDK asks for since 2020, is read from `MaxPayWeChatUniversalLink` of Info.plist. The
    /// delegate is the adapter's.
    @objc(setWXAppId:wxDelegate:description:)
    public static func setWXAppId(_ appId: String, wxDelegate: AnyObject?, description: String?) {
        let link = Bundle.main.object(forInfoDictionaryKey: "MaxPayWeChatUniversalLink") as? String
        let isTaken = Wallets.shared.setUpWechat(appId: appId, universalLink: link ?? "")
        if !isTaken { NSLog("MaxPay: WeChat's SDK did not take the app: is its adapter set, and does the universal link fit?") }
    }

    @objc(queryOrderWithBillNo:andChannel:block:)
    public static func queryOrder(billNo: String, andChannel channel: MLPayChannel, block: @escaping (MLOrder?, NSError?) -> Void) {
        query(billNo, channel.channel) { block($0?.first, $1) }
    }

    /// What the original's guide calls the same.
    @objc(fetchOrderInfoWithBillNo:channel:block:)
    public static func fetchOrderInfo(billNo: String, channel: MLPayChannel, block: @escaping (MLOrder?, NSError?) -> Void) {
        queryOrder(billNo: billNo, andChannel: channel, block: block)
    }

    @objc(queryOrderWithBillNo:block:)
    public static func queryOrder(billNo: String, block: @escaping ([MLOrder]?, NSError?) -> Void) {
        query(billNo, nil, block)
    }

    static func error(_ code: Int, _ message: String) -> NSError {
        NSError(domain: errorDomain, code: code, userInfo: [NSLocalizedDescriptionKey: message])
    }

    private static let notSet = MaxLeapOutcome(code: MaxLeapCode.notSent, message: "setGateway:applicationId:clientKey: must be called first")

    private static func flow() -> MaxLeapFlow? {
        lock.withLock { maxpay.map { MaxLeapFlow(maxpay: $0, wallets: .shared, environment: environment) } }
    }

    private static func query(_ billNo: String, _ channel: Channel?, _ block: @escaping ([MLOrder]?, NSError?) -> Void) {
        Task { @MainActor in
            do {
                guard let flow = flow() else { return block(nil, error(notSet.code, notSet.message ?? "")) }
                block(try await flow.records(billNo: billNo, channel: channel).map(MLOrder.init), nil)
            } catch {
                block(nil, Self.error(MaxLeapFlow.code(of: error), "\(error)"))
            }
        }
    }
}
#endif
