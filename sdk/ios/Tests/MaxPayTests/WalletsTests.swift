// From a charge to a wallet that the test plays, and back.

import Foundation
import XCTest
@testable import MaxPay

final class WalletsTests: XCTestCase {
    private let fake = FakeWallets()
    private lazy var wallets = fake.wallets()
    private static let options = WalletOptions(scheme: "teashop", mode: .test, appleMerchantId: "merchant.shop")

    /// Charges, has the payer pay in the wallet, and gives what `pay` gives. `says` is the wallet's way to say so.
    private func paid(_ channel: Channel, asking: AskOptions = AskOptions(), says: @escaping (Wallets, FakeWallets) -> Void) async throws -> (WalletWord, BillStatus) {
        let client = try Stack.client()
        let charged = try await client.charge(Stack.charge(channel))
        fake.act = { [fake, wallets] _ in
            Task {
                try await Stack.play(charged)
                DispatchQueue.main.async { says(wallets, fake) }
            }
        }
        let payment = try await client.pay(charged, with: Self.options, wallets: wallets, asking: asking)
        return (payment.result, try await payment.settled.value)
    }

    func testAlipayIsPaid() async throws {
        let (result, status) = try await paid(.aliApp) { $1.alipayHeard?(["resultStatus": "9000"]) }
        XCTAssertEqual(result, .success)
        XCTAssertEqual(status, .success)
        XCTAssert(fake.given[0].contains("sign="), fake.given[0])
        XCTAssertEqual(fake.given[1], "teashop")
    }

    func testWechatIsPaid() async throws {
        let (result, status) = try await paid(.wxApp) { wallets, _ in wallets.heardFromWechat(errorCode: 0) }
        XCTAssertEqual([result == .success, status == .success], [true, true])
        XCTAssertEqual(fake.given.count, 7)
        XCTAssertEqual(fake.given[3], "Sign=WXPay")
    }

    func testUnionPayIsPaidByTheAddressThatComesBack() async throws {
        let (result, status) = try await paid(.unipayApp) { wallets, _ in
            XCTAssertTrue(wallets.open(URL(string: "teashop://uppayresult/success")!))
        }
        XCTAssertEqual([result == .success, status == .success], [true, true])
        XCTAssertEqual(Array(fake.given[1...]), ["teashop", "01"])
    }

    func testApplePayIsPaid() async throws {
        let (result, status) = try await paid(.applepayUpacp) { $1.applePayHeard?(.success) }
        XCTAssertEqual([result == .success, status == .success], [true, true])
        XCTAssertEqual(Array(fake.given[1...]), ["01", "merchant.shop"])
    }

    func testAWordProvesNothing() async throws {
        let client = try Stack.client()
        let charged = try await client.charge(Stack.charge(.aliApp))
        fake.act = { [fake] _ in DispatchQueue.main.async { fake.alipayHeard?(["resultStatus": "9000"]) } }
        let payment = try await client.pay(charged, with: Self.options, wallets: wallets, asking: AskOptions(wait: 1))
        XCTAssertEqual(payment.result, .success)
        let status = try await payment.settled.value
        XCTAssertEqual(status, .created)
    }

    func testAPayerWhoCancelsIsKnownSoon() async throws {
        let client = try Stack.client()
        let charged = try await client.charge(Stack.charge(.wxApp))
        fake.act = { [wallets] _ in DispatchQueue.main.async { wallets.heardFromWechat(errorCode: -2) } }
        let begun = Date()
        let heard = expectation(description: "the wallet's word")
        let status = try await withCheckedThrowingContinuation { done in
            client.pay(charged, with: Self.options, wallets: wallets) { word in
                XCTAssertEqual(word, .cancel)
                heard.fulfill()
            } completion: {
                done.resume(with: $0)
            }
        }
        await fulfillment(of: [heard], timeout: 1)
        XCTAssertEqual(status, .created)
        XCTAssertLessThan(Date().timeIntervalSince(begun), 5)
    }

    func testWhoComesBackFromWechatWithoutAWordIsAskedFor() async throws {
        wallets.wordAfterReturn = 0.2
        let (result, status) = try await paid(.wxApp) { _, _ in
            // The notification centre was pulled down: nobody left.
            NotificationCenter.default.post(name: .maxPayReturned, object: nil)
            NotificationCenter.default.post(name: .maxPayLeft, object: nil)
            NotificationCenter.default.post(name: .maxPayReturned, object: nil)
        }
        XCTAssertEqual([result == .unknown, status == .success], [true, true])
    }

    func testAWalletThatNeverAnswersIsUnknown() async throws {
        let client = try Stack.client()
        let charged = try await client.charge(Stack.charge(.unipayApp))
        let payment = try await client.pay(charged, with: Self.options, wallets: wallets, asking: AskOptions(wait: 0.5))
        XCTAssertEqual(payment.result, .unknown)
    }

    func testWordsOfEachSDK() {
        let alipay = ["9000": WalletWord.success, "6001": .cancel, "8000": .unknown, "6004": .unknown, "4000": .unknown, "6002": .unknown]
        for (status, word) in alipay { XCTAssertEqual(Said(alipay: ["resultStatus": status]).word, word, status) }
        XCTAssertEqual(Said(alipay: ["resultStatus": 9000]).word, .success)
        XCTAssertEqual(Said(alipay: [:]).word, .unknown)
        for (code, word) in [0: WalletWord.success, -2: .cancel, -1: .unknown] { XCTAssertEqual(Said(wechat: code).word, word, "\(code)") }
        for (code, word) in ["success": WalletWord.success, "cancel": .cancel, "fail": .unknown] { XCTAssertEqual(Said(unionPay: code, nil).word, word, code) }
    }

    func testWhatComesBackForNobodyIsTold() {
        var told: [String] = []
        wallets.heardForNobody = { told.append("\($0.rawValue) \($1.word)") }
        XCTAssertTrue(wallets.open(URL(string: "teashop://safepay/9000")!))
        XCTAssertTrue(wallets.open(URL(string: "teashop://uppayresult/cancel")!))
        XCTAssertFalse(wallets.open(URL(string: "teashop://orders/7")!))
        wallets.heardFromWechat(errorCode: 0)
        XCTAssertEqual(told, ["ali_app success", "unipay_app cancel", "wx_app success"])
    }

    func testANewerPaymentEndsAnOlderOneOfItsChannel() async throws {
        let client = try Stack.client()
        let first = try await client.charge(Stack.charge(.aliApp))
        let second = try await client.charge(Stack.charge(.aliApp))
        let older = Task { [wallets] in try await wallets.handOver(first, Self.options, wait: 60) }
        try await Task.sleep(seconds: 0.2)
        let newer = Task { [wallets] in try await wallets.handOver(second, Self.options, wait: 60) }
        let said = try await older.value
        XCTAssertEqual(said.word, .unknown)
        try await Task.sleep(seconds: 0.2)
        fake.alipayHeard?(["resultStatus": "6001"])
        let last = try await newer.value
        XCTAssertEqual(last.word, .cancel)
    }

    func testWhatCannotBeHandedOverIsRefusedByName() async throws {
        let client = try Stack.client()
        let alipay = try await client.charge(Stack.charge(.aliApp))
        let wechat = try await client.charge(Stack.charge(.wxApp))
        let unionPay = try await client.charge(Stack.charge(.unipayApp))
        let applePay = try await client.charge(Stack.charge(.applepayUpacp))
        let none = Wallets()
        for charged in [alipay, wechat, unionPay] { await assertThrows("no wallet is set for") { try await none.handOver(charged, Self.options, wait: 5) } }
        for charged in [alipay, unionPay] { await assertThrows("scheme is needed") { [wallets] in try await wallets.handOver(charged, WalletOptions(), wait: 5) } }
        await assertThrows("appleMerchantId is needed") { [wallets] in try await wallets.handOver(applePay, WalletOptions(), wait: 5) }
        fake.takes = false
        for charged in [wechat, unionPay, applePay] { await assertThrows("did not take the request") { [wallets] in try await wallets.handOver(charged, Self.options, wait: 5) } }
        fake.isInstalled = false
        await assertThrows("WeChat is not installed") { [wallets] in try await wallets.handOver(wechat, Self.options, wait: 5) }
        let web = try Charged(["channel": "ali_wap", "billNum": "b", "ali_wap": "https://pay.example.com"])
        await assertThrows("`ali_wap` was given") { [wallets] in try await wallets.handOver(web, Self.options, wait: 5) }
        let mixed = try Charged(["channel": "unipay_app", "billNum": "b", "ali_app": "x"])
        await assertThrows("tn is not in what the charge answered") { [wallets] in try await wallets.handOver(mixed, Self.options, wait: 5) }
    }

    func testWhatAServerChargedIsTaken() async throws {
        let charged = try await Stack.client().charge(Stack.charge(.unipayApp))
        let sent = try JSONEncoder().encode(JSON.object(charged.params))
        let taken = try Charged(json: sent)
        XCTAssertEqual(taken.params, charged.params)
        XCTAssertThrowsError(try Charged(json: Data("[]".utf8))) { XCTAssert("\($0)".contains("json must be"), "\($0)") }
        XCTAssertThrowsError(try Charged(json: Data(#"{"tn":"1","billNum":"b"}"#.utf8))) { XCTAssert("\($0)".contains("channel is needed"), "\($0)") }
    }

    func testChannelsAreThoseOfThisPhoneTheHandiestFirst() {
        XCTAssertEqual(wallets.channels, [.wxApp, .aliApp, .applepayUpacp, .unipayApp])
        (fake.isInstalled, fake.isAvailable) = (false, false)
        XCTAssertEqual(wallets.channels, [.aliApp, .unipayApp])
        XCTAssertEqual(Wallets().channels, [])
        XCTAssertTrue(wallets.setUpWechat(appId: "wx1", universalLink: "https://app.shop.example/"))
        XCTAssertFalse(Wallets().setUpWechat(appId: "wx1", universalLink: "https://app.shop.example/"))
    }
}
