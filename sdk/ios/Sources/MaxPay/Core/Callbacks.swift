// The same calls for code that does not wait: each hears its end once, on the main queue, and gives what cancels it.

import Foundation

/// Cancels a call that is under way. It is heard as a `CancellationError`.
public final class Cancellable: Sendable {
    private let task: Task<Void, Never>

    init(_ task: Task<Void, Never>) { self.task = task }

    public func cancel() { task.cancel() }
}

extension MaxPay {
    @discardableResult
    public func charge(_ charge: Charge, completion: @escaping @Sendable (Result<Charged, any Error>) -> Void) -> Cancellable {
        Self.run({ try await self.charge(charge) }, completion)
    }

    @discardableResult
    public func records(billNum: String, channel: Channel? = nil, completion: @escaping @Sendable (Result<[BillRecord], any Error>) -> Void) -> Cancellable {
        Self.run({ try await self.records(billNum: billNum, channel: channel) }, completion)
    }

    @discardableResult
    public func untilSettled(
        billNum: String, _ options: AskOptions = AskOptions(), completion: @escaping @Sendable (Result<BillStatus, any Error>) -> Void
    ) -> Cancellable {
        Self.run({ try await self.untilSettled(billNum: billNum, options) }, completion)
    }

    static func run<Answer: Sendable>(
        _ call: @escaping @Sendable () async throws -> Answer, _ completion: @escaping @Sendable (Result<Answer, any Error>) -> Void
    ) -> Cancellable {
        Cancellable(
            Task {
                let result: Result<Answer, any Error>
                do {
                    result = .success(try await call())
                } catch {
                    result = .failure(error)
                }
                DispatchQueue.main.async { completion(result) }
            })
    }
}
