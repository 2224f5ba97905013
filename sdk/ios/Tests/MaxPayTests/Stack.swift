// What the tests share: the running stack, a payer, wallets that a test plays, and a gateway that answers what a test likes.

import Foundation
import XCTest
@testable import MaxPay

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

enum Stack {
    static let url = required("MAXPAY_URL")
    static let appId = required("MAXPAY_APP_ID")
    static let clientKey = required("MAXPAY_CLIENT_KEY")
    static let masterKey = required("MAXPAY_MASTER_KEY")

    static let configuration = Configuration(url: url, appId: appId, clientKey: clientKey)

    static func client(_ change: (inout Configuration) -> Void = { _ in }) throws -> MaxPay {
        var configuration = configuration
        change(&configuration)
        return try MaxPay(configuration)
    }

    /// A bill number that no other run has.
    static func newBill() -> String { "ios-" + UUID().uuidString.lowercased().prefix(20) }

    static func charge(_ channel: Channel) -> Charge {
        Charge(channel: channel, billNum: newBill(), totalFee: 9900, subject: "A cup of tea 一杯茶", extras: ["t": "2", "n": 9_007_199_254_740_993])
    }

    /// Plays the payer at the provider.
    static func play(_ charged: Charged, _ action: String = "pay") async throws {
        let family = charged.channel.rawValue.split(separator: "_")[0]
        let door = family == "ali" ? "alipay/trades" : family == "wx" ? "wechat/trades" : "unionpay/orders"
        try await ask("POST", "/_local/simulator/\(door)/\(charged.id ?? "")/\(action)", body: [:])
    }

    @discardableResult
    static func ask(_ method: String, _ path: String, body: JSON, headers: [String: String] = [:]) async throws -> JSON? {
        var request = URLRequest(url: URL(string: url + path)!)
        request.httpMethod = method
        request.httpBody = try JSONEncoder().encode(body)
        request.allHTTPHeaderFields = ["Content-Type": "application/json"].merging(headers) { _, last in last }
        let (data, response) = try await URLSession.shared.data(for: request)
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        XCTAssert((200..<300).contains(status), "\(method) \(path): \(status) \(String(decoding: data, as: UTF8.self))")
        return JSON(data: data)
    }

    private static func required(_ name: String) -> String {
        guard let value = ProcessInfo.processInfo.environment[name], !value.isEmpty else {
            fatalError("\(name) is not set: run tests/sdk/swift")
        }
        return value
    }
}

/// All four wallets, played by a test.
final class FakeWallets: AlipayWallet, WechatWallet, UnionPayWallet, ApplePayWallet, @unchecked Sendable {
    var isInstalled = true
    var isAvailable = true
    /// What the wallet does with what it was given.
    var act: (String) -> Void = { _ in }
    var given: [String] = []
    var alipayHeard: (([AnyHashable: Any]) -> Void)?
    var applePayHeard: ((WalletWord) -> Void)?
    var takes = true

    func wallets() -> Wallets {
        let wallets = Wallets()
        (wallets.alipay, wallets.wechat, wallets.unionPay, wallets.applePay) = (self, self, self, self)
        return wallets
    }

    func pay(order: String, scheme: String, heard: @escaping ([AnyHashable: Any]) -> Void) {
        alipayHeard = heard
        given = [order, scheme]
        act(order)
    }

    func open(_ url: URL, heard: @escaping ([AnyHashable: Any]) -> Void) { heard(["resultStatus": url.lastPathComponent]) }

    func register(appId: String, universalLink: String) -> Bool {
        given = [appId, universalLink]
        return takes
    }

    func pay(_ request: WechatRequest, sent: @escaping (Bool) -> Void) {
        given = [request.appId, request.partnerId, request.prepayId, request.package, request.nonceStr, "\(request.timeStamp)", request.sign]
        sent(takes)
        if takes { act(request.prepayId) }
    }

    func open(_ url: URL) -> Bool { false }

    #if canImport(UIKit)
    func open(_ activity: NSUserActivity) -> Bool { false }
    #endif

    func pay(tn: String, scheme: String, mode: String, presenter: Presenter?) -> Bool {
        given = [tn, scheme, mode]
        if takes { act(tn) }
        return takes
    }

    func open(_ url: URL, heard: @escaping (String, [AnyHashable: Any]?) -> Void) -> Bool {
        guard url.host == "uppayresult" else { return false }
        heard(url.lastPathComponent, nil)
        return true
    }

    func pay(tn: String, mode: String, merchantId: String, presenter: Presenter?, heard: @escaping (WalletWord) -> Void) -> Bool {
        applePayHeard = heard
        given = [tn, mode, merchantId]
        if takes { act(tn) }
        return takes
    }
}

func assertThrows<Answer>(
    _ expected: String, file: StaticString = #filePath, line: UInt = #line, _ call: () async throws -> Answer
) async {
    do {
        _ = try await call()
        XCTFail("no error, expected: \(expected)", file: file, line: line)
    } catch {
        XCTAssert("\(error)".contains(expected), "\(error), expected: \(expected)", file: file, line: line)
    }
}
