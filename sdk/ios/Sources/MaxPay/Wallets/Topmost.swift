// Where a wallet is shown if the app does not say.

import Foundation
#if canImport(UIKit)
import UIKit

/// The view controller that is in front.
func topmost() -> Presenter? {
    MainActor.assumeIsolated {
        let scenes = UIApplication.shared.connectedScenes.compactMap { $0 as? UIWindowScene }
        let window = scenes.flatMap(\.windows).first { $0.isKeyWindow }
        var front = window?.rootViewController
        while let next = front?.presentedViewController { front = next }
        return front
    }
}
#else
func topmost() -> Presenter? { nil }
#endif
