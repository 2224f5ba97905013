// What an app may do with its client key: charge a bill, and ask what became of it.

import Foundation

/// The version of this package.
public let maxPayVersion = "0.1.0"

/// Where the gateway is and who calls.
///
/// It prints no key: not by itself, and not as a part of something else.
public struct Configuration: Sendable {
    /// Where your gateway is, such as `https://pay.example.com`.
    public var url: String
    public var appId: String
    /// The app's public key, which may charge, and ask by `billNum`.
    public var clientKey: String?
    /// Made by your server's `session`: the rights of the client key, for a time.
    public var sessionToken: String?
    /// How long one try may take from connecting to the last byte.
    public var timeout: TimeInterval
    /// How often a call is repeated after an outage, a lost connection or HTTP 429.
    public var retries: Int

    public init(url: String, appId: String, clientKey: String? = nil, sessionToken: String? = nil, timeout: TimeInterval = 10, retries: Int = 2) {
        self.url = url
        self.appId = appId
        self.clientKey = clientKey
        self.sessionToken = sessionToken
        self.timeout = timeout
        self.retries = retries
    }
}

extension Configuration: CustomStringConvertible, CustomReflectable {
    public var description: String { "Configuration(url: \(url), appId: \(appId))" }
    public var customMirror: Mirror { Mirror(self, children: ["url": url, "appId": appId]) }
}

/// A client of one app's. Any number of tasks may use it.
public final class MaxPay: Sendable, CustomReflectable {
    private let transport: Transport

    /// - Throws: `MaxPayError.invalidInput`, also for a master key: whoever has the app can read every key in it.
    public init(_ configuration: Configuration) throws {
        transport = try Transport(configuration)
    }

    public var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Charges a bill. The same charge made twice is one transaction, with fresh payment parameters.
    public func charge(_ charge: Charge) async throws -> Charged {
        guard charge.totalFee >= 1 else {
            throw MaxPayError.invalidInput(field: "totalFee", expected: "must be an integer of fen from 1; \(charge.totalFee) was given")
        }
        var answer = try await transport.call("bill", charge)
        answer["channel"] = .string(charge.channel.rawValue)
        answer["billNum"] = .string(charge.billNum)
        return try Charged(answer)
    }

    /// One page of a bill's records, the newest first: a bill has one for each channel and try.
    public func records(billNum: String, channel: Channel? = nil, skip: Int? = nil, limit: Int? = nil) async throws -> [BillRecord] {
        let query = RecordsQuery(billNum: billNum, channel: channel, skip: skip, limit: limit)
        let answer = try await transport.call("records", query)
        guard case .array(let results)? = answer["results"] else {
            throw MaxPayError.transport("records: an answer without a list of results", status: 200)
        }
        return try results.map(BillRecord.init)
    }

    /// What the records of a bill say of it: `created` where it is open, or not there yet.
    public func status(billNum: String) async throws -> BillStatus {
        BillStatus(of: try await records(billNum: billNum, limit: 100))
    }
}

private struct RecordsQuery: Encodable {
    let billNum: String
    let channel: Channel?
    let skip: Int?
    let limit: Int?
}
