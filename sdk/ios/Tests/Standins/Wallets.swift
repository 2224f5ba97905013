// The wallets' own SDKs as their headers declare them and Swift imports them, for the adapters alone. Never run.

import Foundation
@_exported import UIKit

public final class AlipaySDK: NSObject {
    public static func defaultService() -> AlipaySDK! { AlipaySDK() }
    public func payOrder(_ order: String!, fromScheme: String!, callback: (([AnyHashable: Any]?) -> Void)!) {}
    public func processOrder(withPaymentResult url: URL!, standbyCallback: (([AnyHashable: Any]?) -> Void)!) {}
}

open class BaseReq: NSObject { public var openID = "" }

public final class PayReq: BaseReq {
    public var (partnerId, prepayId, package, nonceStr, sign) = ("", "", "", "", "")
    public var timeStamp: UInt32 = 0
}

open class BaseResp: NSObject { public var errCode: Int32 = 0 }
public final class PayResp: BaseResp {}
public protocol WXApiDelegate: AnyObject {}

public final class WXApi: NSObject {
    public static func isWXAppInstalled() -> Bool { false }
    public static func registerApp(_ appId: String, universalLink: String) -> Bool { false }
    public static func send(_ request: BaseReq, completion: ((Bool) -> Void)?) {}
    public static func handleOpen(_ url: URL, delegate: (any WXApiDelegate)?) -> Bool { false }
    public static func handleOpenUniversalLink(_ activity: NSUserActivity, delegate: (any WXApiDelegate)?) -> Bool { false }
}

public final class UPPaymentControl: NSObject {
    public static func `default`() -> UPPaymentControl! { UPPaymentControl() }
    public func startPay(_ tn: String!, fromScheme: String!, mode: String!, viewController: UIViewController!) -> Bool { false }
    public func handlePaymentResult(_ url: URL!, complete: ((String?, [AnyHashable: Any]?) -> Void)!) -> Bool { false }
}

public enum UPPaymentResultStatus { case success, failure, cancel, unknownCancel }
public final class UPPayResult: NSObject { public var paymentResultStatus = UPPaymentResultStatus.success }
public protocol UPAPayPluginDelegate: AnyObject {}

public final class UPAPayPlugin: NSObject {
    public static func startPay(_ tn: String!, mode: String!, viewController: UIViewController!, delegate: (any UPAPayPluginDelegate)!, andAPMechantID: String!) -> Bool { false }
}

public struct PKPaymentNetwork { public static let chinaUnionPay = PKPaymentNetwork() }
public final class PKPaymentAuthorizationViewController: UIViewController {
    public nonisolated static func canMakePayments(usingNetworks: [PKPaymentNetwork]) -> Bool { false }
}
