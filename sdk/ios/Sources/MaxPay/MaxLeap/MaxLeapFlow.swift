// What MaxLeap's iOS SDK did, without Objective-C: the classes with its names are a thin layer on this.

import Foundation

/// The numbers of MaxLeap's results. The gateway's own are the positive ones.
enum MaxLeapCode {
    static let success = 0
    static let unknown = -1
    static let cancelled = -2
    static let notSent = -3
    static let unsupported = -4
}

struct MaxLeapPayment: Sendable {
    var channel: Channel
    var billNo: String
    var totalFee: Int
    var subject: String
    var extraAttrs: [String: JSON] = [:]
    var scheme: String?
    var returnUrl: String?
}

/// `code` 0 is paid, as the wallet says. `info` has the words of the wallet's SDK.
struct MaxLeapOutcome: @unchecked Sendable {
    let code: Int
    var message: String?
    var info: [AnyHashable: Any]?
}

/// 0, 1 and 2 of the original. The offline mode is no longer there.
enum MaxLeapEnvironment: Int32, Sendable {
    case production, sandbox, offline
}

struct MaxLeapFlow: Sendable {
    private static let walletWait: TimeInterval = 300
    /// So long the bill is asked for where the wallet did not say how it went. The original asked nobody.
    private static let unknownWait: TimeInterval = 5

    let maxpay: MaxPay
    let wallets: Wallets
    var environment = MaxLeapEnvironment.production

    func isAvailable(_ channel: Channel) -> Bool {
        environment != .offline && wallets.isAvailable(channel)
    }

    func pay(_ payment: MaxLeapPayment) async -> MaxLeapOutcome {
        guard environment != .offline, Channel.ofApps.contains(payment.channel) else {
            return MaxLeapOutcome(code: MaxLeapCode.unsupported, message: "this channel or environment is not supported")
        }
        do {
            let charged = try await maxpay.charge(
                Charge(
                    channel: payment.channel, billNum: payment.billNo, totalFee: payment.totalFee, subject: payment.subject,
                    extras: payment.extraAttrs.isEmpty ? nil : payment.extraAttrs, returnUrl: payment.returnUrl))
            let options = WalletOptions(scheme: payment.scheme, mode: environment == .production ? .live : .test)
            let said = try await wallets.handOver(charged, options, wait: Self.walletWait)
            return try await outcome(of: payment.billNo, said)
        } catch {
            return MaxLeapOutcome(code: Self.code(of: error), message: "\(error)")
        }
    }

    func records(billNo: String, channel: Channel? = nil) async throws -> [BillRecord] {
        try await maxpay.records(billNum: billNo, channel: channel)
    }

    private func outcome(of billNo: String, _ said: Said) async throws -> MaxLeapOutcome {
        switch said.word {
        case .success:
            return MaxLeapOutcome(code: MaxLeapCode.success, info: said.detail)
        case .cancel:
            return MaxLeapOutcome(code: MaxLeapCode.cancelled, message: "cancelled by the payer", info: said.detail)
        case .unknown:
            let status = try await maxpay.untilSettled(billNum: billNo, AskOptions(wait: Self.unknownWait))
            guard status != .success else { return MaxLeapOutcome(code: MaxLeapCode.success, info: said.detail) }
            return MaxLeapOutcome(code: MaxLeapCode.unknown, message: "the wallet did not say whether it paid: query the order", info: said.detail)
        }
    }

    static func code(of error: any Error) -> Int {
        switch error as? MaxPayError {
        case .api(let failure)?: failure.code
        case .wallet?: MaxLeapCode.unsupported
        case .invalidInput?, .transport?: MaxLeapCode.notSent
        case nil: MaxLeapCode.unknown
        }
    }
}
