// Asking until the bill says so.

import Foundation
import XCTest
@testable import MaxPay

final class SettledTests: XCTestCase {
    private func record(_ status: String) throws -> BillRecord {
        try BillRecord(["id": "1", "billNum": "b", "channel": "wx_app", "status": .string(status), "totalFee": 1, "createdTime": 1])
    }

    func testABillIsWhatItsRecordsSayTogether() throws {
        let cases: [(records: [String], status: BillStatus)] = [
            ([], .created),
            (["created"], .created),
            (["created", "success"], .success),
            (["refund", "closed"], .refund),
            (["refund", "success"], .success),
            (["closed", "created"], .created),
            (["closed", "closed"], .closed),
            // A newer gateway's word decides nothing.
            (["closed", "frozen"], .created),
        ]
        for (records, status) in cases { XCTAssertEqual(BillStatus(of: try records.map(record)), status, "\(records)") }
    }

    func testAnOpenBillIsCreatedWhenTheTimeIsOver() async throws {
        let client = try Stack.client()
        let begun = Date()
        let status = try await client.untilSettled(billNum: Stack.newBill(), AskOptions(wait: 1.2))
        XCTAssertEqual(status, .created)
        let took = Date().timeIntervalSince(begun)
        XCTAssert((1.1...3).contains(took), "\(took)")
    }

    func testWhoIsAskedForEverIsNotWaitedFor() async throws {
        let status = try await Stack.client().untilSettled(billNum: "b", AskOptions(wait: 0.3, ask: {
            try await Task.sleep(seconds: 60)
            return .success
        }))
        XCTAssertEqual(status, .created)
    }

    func testAReturnToTheAppAsksAtOnce() async throws {
        let asked = Counter()
        let task = Task { try await Stack.client().untilSettled(billNum: "b", AskOptions(ask: { asked.next() == 1 ? .created : .success })) }
        try await Task.sleep(seconds: 0.2)
        let begun = Date()
        NotificationCenter.default.post(name: .maxPayReturned, object: nil)
        let status = try await task.value
        XCTAssertEqual(status, .success)
        XCTAssertLessThan(Date().timeIntervalSince(begun), 0.5)
    }

    func testALostNetworkIsBorneForATime() async throws {
        let asked = Counter()
        let status = try await Stack.client().untilSettled(billNum: "b", AskOptions(ask: {
            if asked.next() == 1 { throw URLError(.notConnectedToInternet) }
            return .closed
        }))
        XCTAssertEqual(status, .closed)
        await assertThrows("appId") {
            try await Stack.client().untilSettled(billNum: "b", AskOptions(ask: { throw MaxPayError.invalidInput(field: "appId", expected: "") }))
        }
    }

    func testWhoCancelsIsLetGo() async throws {
        let task = Task { try await Stack.client().untilSettled(billNum: "b", AskOptions(ask: { .created })) }
        try await Task.sleep(seconds: 0.1)
        task.cancel()
        let result = await task.result
        XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
    }
}

final class Counter: @unchecked Sendable {
    private let lock = NSLock()
    private var count = 0

    func next() -> Int {
        lock.withLock {
            count += 1
            return count
        }
    }
}
