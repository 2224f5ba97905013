// What MaxLeap's names do, below Objective-C.

import Foundation
import XCTest
@testable import MaxPay

final class MaxLeapTests: XCTestCase {
    private let fake = FakeWallets()
    private lazy var wallets = fake.wallets()

    private func flow(_ environment: MaxLeapEnvironment = .production) throws -> MaxLeapFlow {
        MaxLeapFlow(maxpay: try Stack.client(), wallets: wallets, environment: environment)
    }

    private func payment(_ channel: Channel = .unipayApp) -> MaxLeapPayment {
        MaxLeapPayment(
            channel: channel, billNo: Stack.newBill(), totalFee: 100, subject: "一杯茶", extraAttrs: ["keyA": "valueA"], scheme: "teashop",
            returnUrl: "https://shop.example/returned")
    }

    private func says(_ path: String) {
        fake.act = { [wallets] _ in DispatchQueue.main.async { wallets.open(URL(string: "teashop://uppayresult/\(path)")!) } }
    }

    func testAPaidOrderHasCode0AndTheWordsOfTheWallet() async throws {
        says("success")
        let payment = payment()
        let outcome = await (try flow(.sandbox)).pay(payment)
        XCTAssertEqual(outcome.code, 0, outcome.message ?? "")
        XCTAssertEqual(outcome.info as? [String: String], ["code": "success"])
        XCTAssertEqual(fake.given[2], "01")
        let records = try await flow().records(billNo: payment.billNo, channel: .unipayApp)
        XCTAssertEqual(records.map(\.extras), [["keyA": "valueA"]])
        let none = try await flow().records(billNo: payment.billNo, channel: .aliApp)
        XCTAssertEqual(none.count, 0)
    }

    func testEachTroubleHasItsNumber() async throws {
        says("cancel")
        var outcome = await (try flow()).pay(payment())
        XCTAssertEqual([outcome.code, outcome.info?.count ?? 0], [-2, 1])
        XCTAssertEqual(fake.given[2], "00")
        outcome = await (try flow(.offline)).pay(payment())
        XCTAssertEqual(outcome.code, -4)
        outcome = await (try flow()).pay(payment("ali_web"))
        XCTAssertEqual(outcome.code, -4)
        var wrong = payment()
        wrong.totalFee = 0
        outcome = await (try flow()).pay(wrong)
        XCTAssertEqual(outcome.code, -3)
        wrong.totalFee = 100
        wrong.billNo = String(repeating: "x", count: 65)
        outcome = await (try flow()).pay(wrong)
        XCTAssertEqual(outcome.code, 5)
        fake.takes = false
        outcome = await (try flow()).pay(payment())
        XCTAssertEqual(outcome.code, -4)
    }

    func testAWalletThatDoesNotKnowIsAskedForAtTheGateway() async throws {
        says("fail")
        let unpaid = await (try flow()).pay(payment())
        XCTAssertEqual(unpaid.code, -1)
        let client = try Stack.client()
        let payment = payment()
        // The same charge again gives the id by which the payer is played.
        let charged = try await client.charge(
            Charge(channel: .unipayApp, billNum: payment.billNo, totalFee: 100, subject: "一杯茶", extras: payment.extraAttrs, returnUrl: payment.returnUrl))
        fake.act = { [wallets] _ in
            Task {
                try await Stack.play(charged)
                DispatchQueue.main.async { wallets.open(URL(string: "teashop://uppayresult/fail")!) }
            }
        }
        let paid = await (try flow()).pay(payment)
        XCTAssertEqual(paid.code, 0, paid.message ?? "")
    }

    func testChannelsOfTheEnvironment() throws {
        XCTAssertTrue(try flow().isAvailable(.aliApp))
        XCTAssertFalse(try flow(.offline).isAvailable(.aliApp))
        XCTAssertFalse(try flow().isAvailable("ali_web"))
    }
}
