// What callers see.

import Foundation

/// A way of paying. A newer gateway may have others than those that are named here.
public struct Channel: RawRepresentable, Hashable, Sendable, Codable, ExpressibleByStringLiteral {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    public init(stringLiteral value: String) { rawValue = value }

    public init(from decoder: Decoder) throws { rawValue = try decoder.singleValueContainer().decode(String.self) }

    public func encode(to encoder: Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    public static let aliApp: Channel = "ali_app"
    public static let wxApp: Channel = "wx_app"
    public static let unipayApp: Channel = "unipay_app"
    public static let applepayUpacp: Channel = "applepay_upacp"

    /// The channels that an app pays by, the handiest first.
    public static let ofApps: [Channel] = [.wxApp, .aliApp, .applepayUpacp, .unipayApp]
}

/// What is charged. `totalFee` is in fen, a hundredth of a yuan: 6800 is ¥ 68.00.
public struct Charge: Encodable, Sendable {
    public var channel: Channel
    public var billNum: String
    public var totalFee: Int
    public var subject: String
    /// Stored, and given back in records and webhooks.
    public var extras: [String: JSON]?
    public var returnUrl: String?
    /// In seconds, 360 at the least.
    public var billTimeout: Int?

    public init(
        channel: Channel, billNum: String, totalFee: Int, subject: String,
        extras: [String: JSON]? = nil, returnUrl: String? = nil, billTimeout: Int? = nil
    ) {
        self.channel = channel
        self.billNum = billNum
        self.totalFee = totalFee
        self.subject = subject
        self.extras = extras
        self.returnUrl = returnUrl
        self.billTimeout = billTimeout
    }
}

/// What the payer's wallet needs.
public struct Charged: Sendable {
    public let channel: Channel
    public let billNum: String
    /// The transaction. Your server may leave it out.
    public let id: String?
    /// Everything that was answered.
    public let params: [String: JSON]

    /// From what your server's charge answered, with the `channel` and `billNum` of the charge beside it.
    public init(json: Data) throws {
        guard let answer = JSON(data: json)?.object else {
            throw MaxPayError.invalidInput(field: "json", expected: "must be the JSON object of a charge")
        }
        try self.init(answer)
    }

    public init(_ params: [String: JSON]) throws {
        func text(_ field: String) throws -> String {
            guard let text = params[field]?.string, !text.isEmpty else {
                throw MaxPayError.invalidInput(field: field, expected: "is needed: give the channel and billNum of the charge beside its answer")
            }
            return text
        }
        channel = Channel(rawValue: try text("channel"))
        billNum = try text("billNum")
        id = params["id"]?.string
        self.params = params
    }

    /// A member that the channel's answer must have.
    public func param(_ name: String) throws -> String {
        if let text = params[name]?.string, !text.isEmpty { return text }
        throw MaxPayError.invalidInput(field: name, expected: "is not in what the charge answered: is \(channel.rawValue) its channel?")
    }
}

/// What became of a bill. `success` is a paid one, also if a part went back; `refund` is one of which all went back.
public enum BillStatus: Hashable, Sendable {
    case created, success, refund, closed
    /// A word that a newer gateway has.
    case other(String)

    public init(_ word: String) {
        switch word {
        case "created": self = .created
        case "success": self = .success
        case "refund": self = .refund
        case "closed": self = .closed
        default: self = .other(word)
        }
    }

    /// Paid by one record is paid. Closed is what no record can be paid by any longer.
    init(of records: [BillRecord]) {
        if records.contains(where: { $0.status == .success }) {
            self = .success
        } else if records.contains(where: { $0.status == .refund }) {
            self = .refund
        } else if !records.isEmpty, records.allSatisfy({ $0.status == .closed }) {
            self = .closed
        } else {
            self = .created
        }
    }
}

/// One try to pay a bill by one channel.
public struct BillRecord: Sendable {
    public let id: String
    public let billNum: String
    public let channel: Channel
    public let status: BillStatus
    /// In fen.
    public let totalFee: Int64
    /// In milliseconds since 1970.
    public let createdTime: Int64
    public let endTime: Int64?
    public let currency: String
    /// For people, such as `¥ 68.00`.
    public let money: String
    public let extras: [String: JSON]
    /// Every member as it came.
    public let json: [String: JSON]

    init(_ value: JSON) throws {
        let members = value.object ?? [:]
        guard
            let id = members["id"]?.string, let billNum = members["billNum"]?.string, let channel = members["channel"]?.string,
            let status = members["status"]?.string, let totalFee = members["totalFee"]?.integer, let createdTime = members["createdTime"]?.integer
        else { throw MaxPayError.transport("records: a record without its id, billNum, channel, status, totalFee or createdTime", status: 200) }
        self.id = id
        self.billNum = billNum
        self.channel = Channel(rawValue: channel)
        self.status = BillStatus(status)
        self.totalFee = totalFee
        self.createdTime = createdTime
        endTime = members["endTime"]?.integer
        currency = members["currency"]?.string ?? ""
        money = members["money"]?.string ?? ""
        extras = members["extras"]?.object ?? [:]
        json = members
    }
}
