// From a charge to the wallet on this phone, and back. Its functions are called on the main thread, where the wallets' SDKs live.

import Foundation

/// How a payer is handed over.
public struct WalletOptions: @unchecked Sendable {
    /// A URL scheme of this app, by which Alipay and UnionPay come back.
    public var scheme: String?
    /// Has UnionPay and Apple Pay use their test systems.
    public var mode: Mode
    /// The merchant identifier of the app's Apple Pay entitlement.
    public var appleMerchantId: String?
    /// On iOS a `UIViewController`; the topmost one of the app if absent.
    public var presenter: Presenter?

    public enum Mode: String, Sendable {
        case live, test
    }

    public init(scheme: String? = nil, mode: Mode = .live, appleMerchantId: String? = nil, presenter: Presenter? = nil) {
        self.scheme = scheme
        self.mode = mode
        self.appleMerchantId = appleMerchantId
        self.presenter = presenter
    }

    /// As UnionPay's SDKs spell it.
    var unionPayMode: String { mode == .live ? "00" : "01" }
}

/// The wallets that this app has linked. Set those that it has, when the app starts.
public final class Wallets: @unchecked Sendable {
    public static let shared = Wallets()

    public var alipay: (any AlipayWallet)?
    public var wechat: (any WechatWallet)?
    public var unionPay: (any UnionPayWallet)?
    public var applePay: (any ApplePayWallet)?
    /// Hears what came back for nobody: the system ended the app while the payer was in the wallet. Ask for the bill.
    public var heardForNobody: ((Channel, Said) -> Void)?
    /// Gives where a wallet is shown. On iOS it is the topmost view controller.
    public var presenter: () -> Presenter? = topmost

    /// Who comes back from a wallet's app by another way than its button brings no word. So long it is waited for.
    var wordAfterReturn: TimeInterval = 3

    private let lock = NSLock()
    private var waiting: [Channel: Waiting] = [:]

    public init() {}

    /// Tells WeChat's SDK whose app this is: once, when the app starts.
    public func setUpWechat(appId: String, universalLink: String) -> Bool {
        wechat?.register(appId: appId, universalLink: universalLink) ?? false
    }

    /// Whether the app and the phone have what a channel needs. Alipay and UnionPay show a page where their app is not installed.
    public func isAvailable(_ channel: Channel) -> Bool {
        switch channel {
        case .aliApp: alipay != nil
        case .wxApp: wechat?.isInstalled ?? false
        case .unipayApp: unionPay != nil
        case .applepayUpacp: applePay?.isAvailable ?? false
        default: false
        }
    }

    /// The channels that this app can pay by on this phone, the handiest first. Offer those of them that your app has settings for.
    public var channels: [Channel] { Channel.ofApps.filter(isAvailable) }

    /// Gives a charge to its wallet and calls `heard` once. A newer payment by the same channel ends an older one as `unknown`.
    public func handOver(_ charged: Charged, _ options: WalletOptions, heard: @escaping (Result<Said, any Error>) -> Void) {
        let channel = charged.channel
        let waits = Waiting(heard)
        lock.withLock { waiting.updateValue(waits, forKey: channel) }?.end(.success(Said(.unknown)))
        do {
            try open(charged, options)
        } catch {
            end(channel, waits, .failure(error))
            return
        }
        guard channel == .wxApp || channel == .unipayApp else { return }
        waits.watchReturn { [wordAfterReturn] in
            DispatchQueue.main.asyncAfter(deadline: .now() + wordAfterReturn) { self.end(channel, waits, .success(Said(.unknown))) }
        }
    }

    /// The same. What the wallet does not say within `wait` seconds is `unknown`.
    public func handOver(_ charged: Charged, _ options: WalletOptions, wait: TimeInterval) async throws -> Said {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.main.async {
                let once = Once(continuation)
                self.handOver(charged, options, heard: once.end)
                DispatchQueue.main.asyncAfter(deadline: .now() + wait) { once.end(.success(Said(.unknown))) }
            }
        }
    }

    /// For `application(_:open:options:)` and `scene(_:openURLContexts:)`. False for what is no wallet's.
    @discardableResult
    public func open(_ url: URL) -> Bool {
        if let wechat, url.scheme?.hasPrefix("wx") == true, wechat.open(url) { return true }
        if let alipay, url.host == "safepay" {
            alipay.open(url) { self.heard(.aliApp, Said(alipay: $0)) }
            return true
        }
        return unionPay?.open(url) { self.heard(.unipayApp, Said(unionPay: $0, $1)) } ?? false
    }

    #if canImport(UIKit)
    /// For `application(_:continue:restorationHandler:)` and `scene(_:continue:)`: the universal link by which WeChat comes back.
    @discardableResult
    public func open(_ activity: NSUserActivity) -> Bool {
        wechat?.open(activity) ?? false
    }
    #endif

    /// For `onResp` of WeChat's delegate: the `errCode` of a `PayResp`.
    public func heardFromWechat(errorCode: Int) {
        heard(.wxApp, Said(wechat: errorCode))
    }

    private func open(_ charged: Charged, _ options: WalletOptions) throws {
        let channel = charged.channel
        func linked<Wallet>(_ wallet: Wallet?) throws -> Wallet {
            if let wallet { return wallet }
            throw MaxPayError.wallet("no wallet is set for \(channel.rawValue): link its SDK and set the adapter in Wallets")
        }
        func given(_ field: String, _ value: String?) throws -> String {
            if let value, !value.isEmpty { return value }
            throw MaxPayError.invalidInput(field: field, expected: "is needed for \(channel.rawValue)")
        }
        let presenter = options.presenter ?? presenter()
        var isSent = true
        switch channel {
        case .aliApp:
            try linked(alipay).pay(order: charged.param("ali_app"), scheme: given("scheme", options.scheme)) { self.heard(.aliApp, Said(alipay: $0)) }
        case .wxApp:
            let wechat = try linked(wechat)
            guard wechat.isInstalled else { throw MaxPayError.wallet("WeChat is not installed") }
            let waits = lock.withLock { waiting[.wxApp] }
            try wechat.pay(WechatRequest(charged)) { isSent in
                guard !isSent, let waits else { return }
                self.end(.wxApp, waits, .failure(MaxPayError.wallet("WeChat's SDK did not take the request")))
            }
        case .unipayApp:
            let scheme = try given("scheme", options.scheme)
            isSent = try linked(unionPay).pay(tn: charged.param("tn"), scheme: scheme, mode: options.unionPayMode, presenter: presenter)
        case .applepayUpacp:
            let merchantId = try given("appleMerchantId", options.appleMerchantId)
            isSent = try linked(applePay).pay(tn: charged.param("tn"), mode: options.unionPayMode, merchantId: merchantId, presenter: presenter) {
                self.heard(.applepayUpacp, Said($0))
            }
        default:
            throw MaxPayError.invalidInput(field: "channel", expected: "must be one that an app pays by; `\(channel.rawValue)` was given")
        }
        guard isSent else { throw MaxPayError.wallet("the SDK of \(channel.rawValue) did not take the request") }
    }

    private func heard(_ channel: Channel, _ said: Said) {
        if let waits = lock.withLock({ waiting.removeValue(forKey: channel) }) {
            waits.end(.success(said))
        } else {
            heardForNobody?(channel, said)
        }
    }

    private func end(_ channel: Channel, _ waits: Waiting, _ result: Result<Said, any Error>) {
        lock.withLock { if waiting[channel] === waits { waiting[channel] = nil } }
        waits.end(result)
    }
}

/// One payer in a wallet.
private final class Waiting: @unchecked Sendable {
    private let once: Once
    private let lock = NSLock()
    private var observers: [any NSObjectProtocol] = []
    private var wasOutside = false

    init(_ heard: @escaping (Result<Said, any Error>) -> Void) { once = Once(heard) }

    func end(_ result: Result<Said, any Error>) {
        let observers = lock.withLock {
            defer { self.observers = [] }
            return self.observers
        }
        for observer in observers { NotificationCenter.default.removeObserver(observer) }
        once.end(result)
    }

    /// A call or the notification centre makes an app inactive, too; only who was in the background was outside.
    func watchReturn(_ back: @escaping @Sendable () -> Void) {
        let center = NotificationCenter.default
        let left = center.addObserver(forName: .maxPayLeft, object: nil, queue: nil) { [weak self] _ in self?.lock.withLock { self?.wasOutside = true } }
        let returned = center.addObserver(forName: .maxPayReturned, object: nil, queue: nil) { [weak self] _ in
            guard let self, lock.withLock({ self.wasOutside }) else { return }
            back()
        }
        lock.withLock { observers = [left, returned] }
    }
}

/// Passes on the first end.
private final class Once: @unchecked Sendable {
    private let lock = NSLock()
    private var heard: ((Result<Said, any Error>) -> Void)?

    init(_ heard: @escaping (Result<Said, any Error>) -> Void) { self.heard = heard }
    convenience init(_ continuation: CheckedContinuation<Said, any Error>) { self.init { continuation.resume(with: $0) } }

    func end(_ result: Result<Said, any Error>) {
        let first = lock.withLock {
            defer { heard = nil }
            return heard
        }
        first?(result)
    }
}
