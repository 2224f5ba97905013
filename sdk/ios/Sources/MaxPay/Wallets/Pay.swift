// A payment from its charge to its end.

import Foundation

/// A payment that the wallet has said something of.
public struct Payment: Sendable {
    /// What the payer's wallet said: good for the next thing to show, and no proof.
    public let result: WalletWord
    /// What the bill says. `created` is an open one: the payer cancelled, or the time is over.
    public let settled: Task<BillStatus, any Error>
}

extension MaxPay {
    /// How long a bill is looked at that the payer cancelled.
    private static let cancelledWait: TimeInterval = 2

    /// Has a bill paid by its wallet. `charged` is what your server's charge answered, or what `charge` did here.
    ///
    /// Where the system ended the app meanwhile, nothing follows: ask with `untilSettled` when it starts again.
    public func pay(
        _ charged: Charged, with options: WalletOptions, wallets: Wallets = .shared, asking: AskOptions = AskOptions()
    ) async throws -> Payment {
        let said = try await wallets.handOver(charged, options, wait: asking.wait)
        var asking = asking
        if said.word == .cancel { asking.wait = min(asking.wait, Self.cancelledWait) }
        let settled = Task { [asking] in try await self.untilSettled(billNum: charged.billNum, asking) }
        return Payment(result: said.word, settled: settled)
    }

    /// The same for code that does not wait: `heard` gets the wallet's word, and then `completion` what the bill says, both on the main queue.
    @discardableResult
    public func pay(
        _ charged: Charged, with options: WalletOptions, wallets: Wallets = .shared, asking: AskOptions = AskOptions(),
        heard: @escaping @Sendable (WalletWord) -> Void, completion: @escaping @Sendable (Result<BillStatus, any Error>) -> Void
    ) -> Cancellable {
        Self.run(
            {
                let payment = try await self.pay(charged, with: options, wallets: wallets, asking: asking)
                DispatchQueue.main.async { heard(payment.result) }
                return try await withTaskCancellationHandler {
                    try await payment.settled.value
                } onCancel: {
                    payment.settled.cancel()
                }
            }, completion)
    }
}
