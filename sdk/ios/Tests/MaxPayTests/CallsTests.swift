// Charging and asking, against the running stack.

import Foundation
import XCTest
@testable import MaxPay

final class CallsTests: XCTestCase {
    private static let members: [(channel: Channel, names: [String])] = [
        (.aliApp, ["ali_app"]),
        (.wxApp, ["appid", "partnerid", "prepayid", "package", "noncestr", "timestamp", "sign"]),
        (.unipayApp, ["tn"]),
        (.applepayUpacp, ["tn"]),
    ]

    func testEachChannelOfAppsIsChargedPaidAndAskedFor() async throws {
        let client = try Stack.client()
        for (channel, names) in Self.members {
            let charge = Stack.charge(channel)
            let charged = try await client.charge(charge)
            for name in names { XCTAssertFalse(try charged.param(name).isEmpty, name) }
            XCTAssertEqual([charged.channel.rawValue, charged.billNum], [channel.rawValue, charge.billNum])
            let open = try await client.untilSettled(billNum: charge.billNum, AskOptions(wait: 0))
            XCTAssertEqual(open, .created)
            try await Stack.play(charged)
            let settled = try await client.untilSettled(billNum: charge.billNum)
            XCTAssertEqual(settled, .success)
            let records = try await client.records(billNum: charge.billNum)
            XCTAssertEqual(records.map(\.id), [charged.id])
            XCTAssertEqual(records.map(\.totalFee), [9900])
            XCTAssertEqual(records[0].money, "¥ 99.00")
            // A number that no double can hold comes back to the last digit.
            XCTAssertEqual(records[0].extras, ["t": "2", "n": 9_007_199_254_740_993])
            XCTAssertNotNil(records[0].endTime)
            let others = try await client.records(billNum: charge.billNum, channel: channel == .aliApp ? .wxApp : .aliApp)
            XCTAssertEqual(others.count, 0)
        }
    }

    func testTheSameChargeTwiceIsOneTransaction() async throws {
        let client = try Stack.client()
        let charge = Stack.charge(.unipayApp)
        let first = try await client.charge(charge)
        let second = try await client.charge(charge)
        XCTAssertEqual(first.id, second.id)
        var other = charge
        other.totalFee = 1
        do {
            _ = try await client.charge(other)
            XCTFail("another fee was taken")
        } catch MaxPayError.api(let failure) {
            XCTAssertEqual([failure.code, failure.status], [5, 200])
            XCTAssertEqual(failure.msg, "PARAM_INVALID")
            XCTAssert(failure.err.contains("totalFee"), failure.err)
        }
    }

    func testErrorsOfTheGatewayHaveTheirCodes() async throws {
        let client = try Stack.client()
        let charge = Stack.charge(.aliApp)
        var wrong = charge
        wrong.billNum = String(repeating: "x", count: 65)
        await assertThrows("5 PARAM_INVALID") { try await client.charge(wrong) }
        wrong = charge
        wrong.channel = "ali_none"
        await assertThrows("3 CHANNEL_INVALID") { try await client.charge(wrong) }
        wrong = charge
        wrong.channel = "ali_web"
        await assertThrows("4 MISS_PARAM: returnUrl is required") { try await client.charge(wrong) }
        let stranger = try Stack.client { $0.clientKey = String(repeating: "k", count: 24) }
        await assertThrows("1 APP_INVALID") { try await stranger.records(billNum: charge.billNum) }
    }

    func testWrongInputIsRefusedByItsFieldBeforeAnythingIsSent() async throws {
        var charge = Stack.charge(.aliApp)
        charge.totalFee = 0
        let client = try Stack.client()
        await assertThrows("totalFee must be an integer of fen from 1; 0 was given") { [charge] in try await client.charge(charge) }
        charge.totalFee = 1
        charge.extras = ["n": .number(.infinity)]
        await assertThrows("extras must be JSON") { [charge] in try await client.charge(charge) }
        await assertThrows("wait must be") { try await client.untilSettled(billNum: "b", AskOptions(wait: -1)) }
        let cases: [(field: String, change: (inout Configuration) -> Void)] = [
            ("url must be the address", { $0.url = "pay.example.com" }),
            ("url must be http or https", { $0.url = "https://pay.example.com/?a=b" }),
            ("appId must be 24", { $0.appId = "568A12086E912100017722E5" }),
            ("clientKey or sessionToken", { $0.clientKey = nil }),
            ("clientKey or sessionToken", { $0.sessionToken = "t" }),
            ("clientKey must be of visible", { $0.clientKey = "a\r\nb" }),
            ("timeout must be", { $0.timeout = 0 }),
            ("retries must be", { $0.retries = 11 }),
        ]
        for (field, change) in cases { XCTAssertThrowsError(try Stack.client(change)) { XCTAssert("\($0)".contains(field), "\($0), expected: \(field)") } }
    }

    func testAMasterKeyIsRefusedUnderEveryName() throws {
        for change: (inout Configuration) -> Void in [
            { $0.clientKey = Stack.masterKey },
            { ($0.clientKey, $0.sessionToken) = (nil, Stack.masterKey) },
        ] {
            XCTAssertThrowsError(try Stack.client(change)) {
                XCTAssert("\($0)".contains("must not be a master key in an app"), "\($0)")
                XCTAssertFalse("\($0)".contains(Stack.masterKey))
            }
        }
    }

    func testASessionTokenOfTheServerHasTheSameRights() async throws {
        let keys = ["X-ML-AppId": Stack.appId, "X-ML-MasterKey": Stack.masterKey]
        let made = try await Stack.ask("POST", "/2.0/maxpay/sessions", body: ["ttlSeconds": 3600, "userId": "7"], headers: keys)
        let token = try XCTUnwrap(made?.object?["token"]?.string)
        let client = try Stack.client { ($0.clientKey, $0.sessionToken) = (nil, token) }
        let charged = try await client.charge(Stack.charge(.wxApp))
        let records = try await client.records(billNum: charged.billNum)
        XCTAssertEqual(records.map(\.status), [.created])
    }

    func testNoPrintShowsAKey() throws {
        var shown = ""
        dump(Stack.configuration, to: &shown)
        dump(try Stack.client(), to: &shown)
        shown += "\(Stack.configuration) \(String(reflecting: Stack.configuration)) \(try Stack.client())"
        XCTAssertFalse(shown.contains(Stack.clientKey), shown)
        XCTAssert(shown.contains(Stack.appId), shown)
    }

    func testCallbacksAreHeardOnceOnTheMainQueue() async throws {
        let client = try Stack.client()
        let charge = Stack.charge(.aliApp)
        let charged = await withCheckedContinuation { heard in
            client.charge(charge) { result in
                dispatchPrecondition(condition: .onQueue(.main))
                heard.resume(returning: result)
            }
        }
        XCTAssertEqual(try charged.get().billNum, charge.billNum)
        let records = await withCheckedContinuation { heard in _ = client.records(billNum: charge.billNum) { heard.resume(returning: $0) } }
        XCTAssertEqual(try records.get().count, 1)
        let asked = await withCheckedContinuation { heard in
            client.untilSettled(billNum: charge.billNum) { heard.resume(returning: $0) }.cancel()
        }
        XCTAssertThrowsError(try asked.get()) { XCTAssert($0 is CancellationError, "\($0)") }
    }
}
