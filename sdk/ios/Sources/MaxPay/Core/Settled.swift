// Asking what became of a bill, until it says so. What a wallet says is a hint: only the bill counts.

import Foundation

/// How a bill is asked for.
public struct AskOptions: Sendable {
    /// How long it is waited for.
    public var wait: TimeInterval
    /// Asks somebody else in place of the gateway, such as your own server.
    public var ask: (@Sendable () async throws -> BillStatus)?
    /// Posted when the payer comes back, so that it is asked at once. On iOS it is that the app is active again.
    public var returned: Notification.Name?

    public init(wait: TimeInterval = 300, ask: (@Sendable () async throws -> BillStatus)? = nil, returned: Notification.Name? = .maxPayReturned) {
        self.wait = wait
        self.ask = ask
        self.returned = returned
    }
}

extension MaxPay {
    private static let firstPause = 1.0
    private static let pauseMax = 5.0
    /// So often the network may be gone, as when the payer comes back from a wallet.
    private static let failuresMax = 8
    private static let waitMax: TimeInterval = 86_400

    /// Asks until the bill is not `created` any longer, and gives its status: `created` where it is still open when the time is over.
    public func untilSettled(billNum: String, _ options: AskOptions = AskOptions()) async throws -> BillStatus {
        guard (0...Self.waitMax).contains(options.wait) else {
            throw MaxPayError.invalidInput(field: "wait", expected: "must be a number of seconds from 0 to \(Int(Self.waitMax))")
        }
        return try await withThrowingTaskGroup(of: BillStatus.self) { group in
            // Nobody who is asked can take longer.
            group.addTask {
                try await Task.sleep(seconds: options.wait)
                return .created
            }
            group.addTask { try await self.asked(billNum, options) }
            defer { group.cancelAll() }
            return try await group.next() ?? .created
        }
    }

    private func asked(_ billNum: String, _ options: AskOptions) async throws -> BillStatus {
        let until = Date().addingTimeInterval(options.wait)
        var pause = Self.firstPause
        var failures = 0
        while true {
            do {
                let status = if let ask = options.ask { try await ask() } else { try await self.status(billNum: billNum) }
                guard status.isOpen else { return status }
            } catch let error as MaxPayError where error.isTransport && failures < Self.failuresMax {
                failures += 1
            } catch let error as URLError where error.code != .cancelled && failures < Self.failuresMax {
                // An `ask` of the app's own speaks in these.
                failures += 1
            }
            guard until > Date() else { return .created }
            try await returned(within: min(pause, until.timeIntervalSinceNow), options.returned)
            pause = min(pause * 1.3, Self.pauseMax)
        }
    }

    /// Ends early when the payer comes back.
    private func returned(within seconds: TimeInterval, _ name: Notification.Name?) async throws {
        let bell = Bell()
        let observer = name.map { NotificationCenter.default.addObserver(forName: $0, object: nil, queue: nil) { _ in bell.ring() } }
        defer { observer.map(NotificationCenter.default.removeObserver) }
        try await bell.heard(within: seconds)
    }
}

extension BillStatus {
    /// A word that only a newer gateway has decides nothing.
    var isOpen: Bool {
        switch self {
        case .created, .other: true
        case .success, .refund, .closed: false
        }
    }
}

extension MaxPayError {
    fileprivate var isTransport: Bool { if case .transport = self { true } else { false } }
}

/// One who waits is woken by a ring, by the time or by cancellation, whichever is first.
final class Bell: @unchecked Sendable {
    private let lock = NSLock()
    private var isRung = false
    private var waiting: CheckedContinuation<Void, Never>?

    func ring() {
        let woken = lock.withLock {
            isRung = true
            defer { waiting = nil }
            return waiting
        }
        woken?.resume()
    }

    func heard(within seconds: TimeInterval) async throws {
        let timer = Task {
            try await Task.sleep(seconds: seconds)
            self.ring()
        }
        defer { timer.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isRung = lock.withLock {
                    if !self.isRung { waiting = continuation }
                    return self.isRung
                }
                if isRung { continuation.resume() }
            }
        } onCancel: {
            ring()
        }
        try Task.checkCancellation()
    }
}
