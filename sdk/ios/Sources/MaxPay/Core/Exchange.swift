// URLSession with three rules: an answer has an end, a redirect is not followed, and nothing is kept on the phone.

import Foundation
#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

struct Answered: Sendable {
    let status: Int
    let body: Data
    let requestId: String?
}

final class Exchange: Sendable {
    private let session: URLSession
    private let hearing = Hearing()

    init(timeout: TimeInterval) {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = timeout
        configuration.timeoutIntervalForResource = timeout
        configuration.httpShouldSetCookies = false
        configuration.urlCache = nil
        session = URLSession(configuration: configuration, delegate: hearing, delegateQueue: nil)
    }

    deinit {
        session.finishTasksAndInvalidate()
    }

    func send(_ request: URLRequest) async throws -> Answered {
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { hearing.begin(task, $0) }
        } onCancel: {
            hearing.cancel(task)
        }
    }
}

/// Collects what comes back. The session holds it, and it holds nobody.
private final class Hearing: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    private static let answerBytesMax = 8 * 1024 * 1024

    private struct Open {
        let heard: CheckedContinuation<Answered, any Error>
        var body = Data()
        var isTooLong = false
    }

    private let lock = NSLock()
    private var open: [Int: Open] = [:]
    private var cancelledBefore: Set<Int> = []

    func begin(_ task: URLSessionTask, _ heard: CheckedContinuation<Answered, any Error>) {
        let isCancelled = lock.withLock {
            let isCancelled = cancelledBefore.remove(task.taskIdentifier) != nil
            if !isCancelled { open[task.taskIdentifier] = Open(heard: heard) }
            return isCancelled
        }
        if isCancelled {
            heard.resume(throwing: CancellationError())
        } else {
            task.resume()
        }
    }

    /// Whoever waits is let go here: a task that is cancelled before it began tells nobody of its end. It may also come before `begin`.
    func cancel(_ task: URLSessionTask) {
        let waiting = lock.withLock {
            let waiting = open.removeValue(forKey: task.taskIdentifier)
            if waiting == nil { cancelledBefore.insert(task.taskIdentifier) }
            return waiting
        }
        task.cancel()
        waiting?.heard.resume(throwing: CancellationError())
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse, newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        // A redirect would carry the key to wherever it leads.
        completionHandler(nil)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLong = lock.withLock {
            open[dataTask.taskIdentifier]?.body.append(data)
            guard let bytes = open[dataTask.taskIdentifier]?.body.count, bytes > Self.answerBytesMax else { return false }
            open[dataTask.taskIdentifier]?.isTooLong = true
            return true
        }
        if isTooLong { dataTask.cancel() }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let done = lock.withLock({ open.removeValue(forKey: task.taskIdentifier) }) else { return }
        let response = task.response as? HTTPURLResponse
        if done.isTooLong {
            done.heard.resume(throwing: MaxPayError.transport("an answer of more than \(Self.answerBytesMax) bytes", status: response?.statusCode))
        } else if let response, error == nil {
            let requestId = response.value(forHTTPHeaderField: "apigw-requestid")
            done.heard.resume(returning: Answered(status: response.statusCode, body: done.body, requestId: requestId))
        } else {
            done.heard.resume(throwing: error ?? URLError(.badServerResponse))
        }
    }
}
