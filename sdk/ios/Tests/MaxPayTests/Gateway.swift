// A gateway of a test's own: it answers each connection by the next of its texts, and the last one for ever.

import Foundation
#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

final class Gateway: @unchecked Sendable {
    let url: String
    private let listener: Int32
    private let lock = NSLock()
    private var asked: [String] = []

    /// The requests as they came.
    var requests: [String] { lock.withLock { asked } }

    init(_ answers: [String]) {
        #if canImport(Glibc)
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let listener = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                precondition(bind(listener, $0, length) == 0 && listen(listener, 16) == 0 && getsockname(listener, $0, &length) == 0)
            }
            return UInt16(bigEndian: $0.pointee.sin_port)
        }
        url = "http://127.0.0.1:\(port)"
        self.listener = listener
        Thread.detachNewThread { [weak self] in
            var answers = answers
            while true {
                let peer = accept(listener, nil, nil)
                guard peer >= 0 else { return }
                self?.serve(peer, answers.count > 1 ? answers.removeFirst() : answers[0])
            }
        }
    }

    func end() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    static func answer(_ status: String, _ body: String, headers: String = "") -> String {
        "HTTP/1.1 \(status)\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\(headers)\r\n\(body)"
    }

    /// An empty answer hangs up, and `-` never answers.
    private func serve(_ peer: Int32, _ answer: String) {
        var request = Data()
        var part = [UInt8](repeating: 0, count: 65_536)
        while !isWhole(request) {
            let count = recv(peer, &part, part.count, 0)
            guard count > 0 else { break }
            request.append(contentsOf: part[0..<count])
        }
        lock.withLock { asked.append(String(decoding: request, as: UTF8.self)) }
        guard answer != "-" else { return }
        let bytes = Array(answer.utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes { send(peer, $0.baseAddress, $0.count, noSignal) }
            guard count > 0 else { break }
            sent += count
        }
        close(peer)
    }

    private func isWhole(_ request: Data) -> Bool {
        let text = String(decoding: request, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return false }
        let length = text[..<end.lowerBound].lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        return text[end.upperBound...].utf8.count >= Int(length?.split(separator: ":")[1].trimmingCharacters(in: .whitespaces) ?? "0") ?? 0
    }
}

/// A peer that hangs up must not end the tests.
#if canImport(Glibc)
private let noSignal = Int32(MSG_NOSIGNAL)
#else
private let noSignal: Int32 = 0
#endif
