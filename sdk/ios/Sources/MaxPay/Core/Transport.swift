// One call over HTTP: time and size are bounded, no redirect is followed, and it is repeated where that is safe.

import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

final class Transport: Sendable {
    private static let firstPause = 0.2
    private let base: String
    private let headers: [String: String]
    private let timeout: TimeInterval
    private let retries: Int
    private let exchange: Exchange

    init(_ configuration: Configuration) throws {
        base = try Self.base(configuration.url)
        headers = try Self.headers(configuration)
        timeout = configuration.timeout
        retries = configuration.retries
        guard timeout > 0, timeout <= 600 else { throw MaxPayError.invalidInput(field: "timeout", expected: "must be above 0 and at most 600 seconds") }
        guard (0...10).contains(retries) else { throw MaxPayError.invalidInput(field: "retries", expected: "must be an integer from 0 to 10") }
        exchange = Exchange(timeout: timeout)
    }

    /// The members of the answer, whose code is 0.
    func call(_ operation: String, _ body: some Encodable & Sendable) async throws -> [String: JSON] {
        var request = URLRequest(url: URL(string: "\(base)/2.0/maxpay/\(operation)")!)
        request.httpMethod = "POST"
        // Each try sends the same bytes.
        request.httpBody = try Self.encoded(body)
        request.allHTTPHeaderFields = headers
        var pause = Self.firstPause
        for left in stride(from: retries, through: 0, by: -1) {
            do {
                return try await once(operation, request)
            } catch let error as MaxPayError where error.mayPass && left > 0 {
                // Between half of the pause and all of it, so that many phones do not come back in step.
                try await Task.sleep(seconds: pause * Double.random(in: 0.5...1))
                pause *= 2
            }
        }
        throw MaxPayError.transport("\(operation): never sent", status: nil)
    }

    private func once(_ operation: String, _ request: URLRequest) async throws -> [String: JSON] {
        let answer: Answered
        do {
            answer = try await exchange.send(request)
        } catch let error as MaxPayError {
            throw error
        } catch {
            try Task.checkCancellation()
            // The words of URLError may quote the request.
            let code = (error as? URLError)?.errorCode
            let isLate = code == URLError.timedOut.rawValue
            throw MaxPayError.transport(isLate ? "\(operation): no answer within \(timeout) s" : "\(operation): no answer from \(base)", status: nil)
        }
        guard let members = JSON(data: answer.body)?.object, let code = members["code"]?.integer else {
            throw MaxPayError.transport("HTTP \(answer.status), and no answer of MaxPay's: is the url right?", status: answer.status)
        }
        guard code != 0 else { return members }
        throw MaxPayError.api(
            ApiFailure(
                code: Int(code), msg: members["msg"]?.string ?? "", err: members["err"]?.string ?? "", status: answer.status,
                requestId: answer.requestId))
    }

    private static func encoded(_ body: some Encodable) throws -> Data {
        do {
            return try JSONEncoder().encode(body)
        } catch EncodingError.invalidValue(_, let context) {
            let field = context.codingPath.first?.stringValue ?? "body"
            throw MaxPayError.invalidInput(field: field, expected: "must be JSON: no number that is infinite or none")
        }
    }

    private static func base(_ given: String) throws -> String {
        guard let parts = URLComponents(string: given), ["http", "https"].contains(parts.scheme?.lowercased()), parts.host?.isEmpty == false else {
            throw MaxPayError.invalidInput(field: "url", expected: "must be the address of your gateway, such as https://pay.example.com")
        }
        guard parts.user == nil, parts.password == nil, parts.query == nil, parts.fragment == nil else {
            throw MaxPayError.invalidInput(field: "url", expected: "must be http or https, without a user, a query or a fragment")
        }
        return String(given.reversed().drop { $0 == "/" }.reversed())
    }

    private static func headers(_ configuration: Configuration) throws -> [String: String] {
        let isHex = configuration.appId.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) }
        guard isHex, configuration.appId.utf8.count == 24 else {
            throw MaxPayError.invalidInput(field: "appId", expected: "must be 24 lower-case hex digits")
        }
        let header: String
        let field: String
        let key: String
        switch (configuration.clientKey, configuration.sessionToken) {
        case (let given?, nil): (header, field, key) = ("X-ML-APIKey", "clientKey", given)
        case (nil, let given?): (header, field, key) = ("X-ML-Session-Token", "sessionToken", given)
        default: throw MaxPayError.invalidInput(field: "clientKey", expected: "or sessionToken must be given, one of them alone")
        }
        guard !key.isEmpty, key.utf8.allSatisfy({ (33...126).contains($0) }) else {
            throw MaxPayError.invalidInput(field: field, expected: "must be of visible ASCII characters")
        }
        // A master key is 43 characters of base64url long, and a client key 24.
        let isBase64url = key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        guard !isBase64url || key.utf8.count != 43 else {
            throw MaxPayError.invalidInput(
                field: field,
                expected: "must not be a master key in an app, where everybody can read it: use it on your server, and rotate it now")
        }
        return [
            "Content-Type": "application/json", "User-Agent": "maxpay-ios/\(maxPayVersion)", "X-ML-AppId": configuration.appId, header: key,
        ]
    }
}

extension Task where Success == Never, Failure == Never {
    static func sleep(seconds: TimeInterval) async throws {
        try await sleep(nanoseconds: UInt64(max(0, seconds) * 1e9))
    }
}
