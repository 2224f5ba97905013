// Outages, lost connections, redirects and answers of others.

import Foundation
import XCTest
@testable import MaxPay

final class TransportTests: XCTestCase {
    private static let fine = Gateway.answer("200 OK", #"{"code":0,"msg":"OK","results":[]}"#)
    private static let outage = Gateway.answer("503 Later", #"{"code":14,"msg":"RUN_TIME_ERROR","err":"later"}"#)

    private func asked(_ answers: [String], _ change: (inout Configuration) -> Void = { _ in }) async throws -> (requests: [String], error: (any Error)?) {
        let gateway = Gateway(answers)
        defer { gateway.end() }
        let client = try Stack.client {
            $0.url = gateway.url
            change(&$0)
        }
        do {
            _ = try await client.records(billNum: "b")
            return (gateway.requests, nil)
        } catch {
            return (gateway.requests, error)
        }
    }

    func testACallIsRepeatedWithTheSameBytesAfterAnOutage() async throws {
        let (requests, error) = try await asked([Self.outage, "", Self.fine])
        XCTAssertNil(error)
        XCTAssertEqual(requests.count, 3)
        for request in requests {
            XCTAssert(request.hasPrefix("POST /2.0/maxpay/records HTTP/1.1\r\n"), request)
            XCTAssert(request.hasSuffix(#"{"billNum":"b"}"#), request)
            XCTAssert(request.contains("X-ML-APIKey: \(Stack.clientKey)"), request)
        }
    }

    func testAfterTheLastTryTheErrorIsTheGateways() async throws {
        let (requests, error) = try await asked([Self.outage]) { $0.retries = 1 }
        XCTAssertEqual(requests.count, 2)
        guard case MaxPayError.api(let failure)? = error else { return XCTFail("\(String(describing: error))") }
        XCTAssertEqual([failure.code, failure.status], [14, 503])
    }

    func testARedirectIsNotFollowed() async throws {
        let elsewhere = Gateway([Self.fine])
        defer { elsewhere.end() }
        let (requests, error) = try await asked([Gateway.answer("308 There", "", headers: "Location: \(elsewhere.url)/\r\n")])
        XCTAssertEqual(requests.count, 1)
        XCTAssertEqual(elsewhere.requests, [])
        XCTAssertEqual(error as? MaxPayError, .transport("HTTP 308, and no answer of MaxPay's: is the url right?", status: 308))
    }

    func testAnAnswerOfSomebodyElsesIsNoAnswer() async throws {
        let (_, error) = try await asked([Gateway.answer("200 OK", "<html>")])
        XCTAssertEqual(error as? MaxPayError, .transport("HTTP 200, and no answer of MaxPay's: is the url right?", status: 200))
        let (_, other) = try await asked([Gateway.answer("200 OK", #"{"code":0}"#)])
        XCTAssertEqual(other as? MaxPayError, .transport("records: an answer without a list of results", status: 200))
        let (_, third) = try await asked([Gateway.answer("200 OK", #"{"code":0,"results":[{"id":"1"}]}"#)])
        XCTAssert("\(third!)".contains("a record without its id"), "\(third!)")
    }

    func testAnAnswerIsBounded() async throws {
        let (_, error) = try await asked([Gateway.answer("200 OK", String(repeating: "x", count: 9 * 1024 * 1024))]) { $0.retries = 0 }
        XCTAssert("\(error!)".contains("an answer of more than 8388608 bytes"), "\(error!)")
    }

    func testNobodyIsWaitedForLongerThanSaid() async throws {
        let begun = Date()
        let (requests, error) = try await asked(["-"]) { ($0.retries, $0.timeout) = (0, 1) }
        XCTAssertEqual(requests.count, 1)
        XCTAssertEqual(error as? MaxPayError, .transport("records: no answer within 1.0 s", status: nil))
        XCTAssertLessThan(Date().timeIntervalSince(begun), 5)
    }

    func testACancelledCallEndsAtOnce() async throws {
        let gateway = Gateway(["-"])
        defer { gateway.end() }
        let client = try Stack.client { $0.url = gateway.url }
        let task = Task { try await client.records(billNum: "b") }
        try await Task.sleep(seconds: 0.2)
        let begun = Date()
        task.cancel()
        let result = await task.result
        XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
        XCTAssertLessThan(Date().timeIntervalSince(begun), 1)
    }

    func testACallThatIsCancelledAtAnyMomentEnds() async throws {
        let gateway = Gateway(["-"])
        defer { gateway.end() }
        let client = try Stack.client { $0.url = gateway.url }
        for moment in 0..<200 {
            let task = Task { try await client.records(billNum: "b") }
            for _ in 0..<(moment % 20) { await Task.yield() }
            task.cancel()
            let result = await task.result
            XCTAssertThrowsError(try result.get()) { XCTAssert($0 is CancellationError, "\($0)") }
        }
    }
}
