// How it is known that the payer left the app and came back.

import Foundation
#if canImport(UIKit)
import UIKit

extension Notification.Name {
    /// The payer is back: the app is active.
    public static let maxPayReturned = UIApplication.didBecomeActiveNotification
    static let maxPayLeft = UIApplication.didEnterBackgroundNotification
}
#else
extension Notification.Name {
    /// Post it when the payer is back.
    public static let maxPayReturned = Notification.Name("cn.maxpay.returned")
    static let maxPayLeft = Notification.Name("cn.maxpay.left")
}
#endif
