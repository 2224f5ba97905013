// Every way in which a call can fail. None of them holds a key.

import Foundation

public enum MaxPayError: Error, Hashable, Sendable {
    /// Refused here, before anything was sent. `field` is the one that is wrong.
    case invalidInput(field: String, expected: String)
    /// No answer of MaxPay's: the network, the time, or something else that answered there. What became of the call is unknown; call again.
    /// `status` is the HTTP status, where there was an answer.
    case transport(String, status: Int?)
    /// MaxPay answered with a code other than 0.
    case api(ApiFailure)
    /// A wallet cannot be opened: it is not installed, or its SDK did not take the request.
    case wallet(String)
}

/// What MaxPay answers to a call that fails.
public struct ApiFailure: Hashable, Sendable {
    /// 1 `APP_INVALID`, 2 `PAY_FACTOR_NOT_SET`, 3 `CHANNEL_INVALID`, 4 `MISS_PARAM`, 5 `PARAM_INVALID`, 6 `CERT_FILE_ERROR`, 7 `CHANNEL_ERROR`,
    /// 14 `RUN_TIME_ERROR`. A newer gateway may have others.
    public let code: Int
    public let msg: String
    /// What is wrong, with the field and what was expected.
    public let err: String
    public let status: Int
    /// By which the operator finds the call in the logs, where the gateway gives one.
    public let requestId: String?
}

extension MaxPayError: LocalizedError, CustomStringConvertible {
    public var description: String {
        switch self {
        case .invalidInput(let field, let expected): "\(field) \(expected)"
        case .transport(let message, _): message
        case .api(let failure): "\(failure.code) \(failure.msg): \(failure.err)"
        case .wallet(let message): message
        }
    }

    public var errorDescription: String? { description }

    /// An outage, a lost connection and HTTP 429 may pass. Every call may be made again: the same `billNum` moves money once.
    var mayPass: Bool {
        let status: Int? =
            switch self {
            case .transport(_, let status): status
            case .api(let failure): failure.status
            case .invalidInput, .wallet: 400
            }
        return status.map { $0 >= 500 || $0 == 429 } ?? true
    }
}
