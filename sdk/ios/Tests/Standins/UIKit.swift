// As much of UIKit, and of what Foundation has on Apple's systems alone, as the layer above the core takes: so that a compiler elsewhere checks it.
// Never run, and no part of the package.

@_exported import Foundation

public final class NSUserActivity: NSObject {}

@MainActor open class UIViewController: NSObject {
    public var presentedViewController: UIViewController?
}

@MainActor open class UIScene: NSObject {}

@MainActor public final class UIWindow: NSObject {
    public var isKeyWindow = true
    public var rootViewController: UIViewController?
}

@MainActor public final class UIWindowScene: UIScene {
    public var windows: [UIWindow] = []
}

@MainActor public final class UIApplication: NSObject {
    public static let shared = UIApplication()
    public nonisolated static let didBecomeActiveNotification = Notification.Name("active")
    public nonisolated static let didEnterBackgroundNotification = Notification.Name("background")
    public var connectedScenes: Set<UIScene> = []
}

extension NSObject {
    public func value(forKey key: String) -> Any? { nil }
}
