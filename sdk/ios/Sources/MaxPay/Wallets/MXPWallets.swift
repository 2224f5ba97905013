// The wallets for Objective-C, such as React Native's module: `MXPWallets`.

#if canImport(UIKit)
import Foundation
import UIKit

@objc(MXPWallets)
public final class MXPWallets: NSObject {
    @objc public static let shared = MXPWallets()

    @objc(setUpWechatWithAppId:universalLink:)
    public func setUpWechat(appId: String, universalLink: String?) -> Bool {
        Wallets.shared.setUpWechat(appId: appId, universalLink: universalLink ?? "")
    }

    @objc public func isAvailable(_ channel: String) -> Bool {
        Wallets.shared.isAvailable(Channel(rawValue: channel))
    }

    /// `charged` is the answer of a charge with its `channel` and `billNum`, and `options` is `{mode, scheme, appleMerchantId}`. `completion` is
    /// heard once, on the main thread, with `success`, `cancel` or `unknown` and the words of the wallet's SDK; or with an error.
    @objc(handOver:options:completion:)
    public func handOver(_ charged: [String: Any], options: [String: Any], completion: @escaping (String, [AnyHashable: Any]?, NSError?) -> Void) {
        do {
            let charged = try Charged(JSON(any: charged)?.object ?? [:])
            let options = WalletOptions(
                scheme: options["scheme"] as? String, mode: options["mode"] as? String == "test" ? .test : .live,
                appleMerchantId: options["appleMerchantId"] as? String)
            Wallets.shared.handOver(charged, options) { result in
                DispatchQueue.main.async {
                    switch result {
                    case .success(let said): completion(said.word.rawValue, said.detail, nil)
                    case .failure(let error): completion(WalletWord.unknown.rawValue, nil, error as NSError)
                    }
                }
            }
        } catch {
            completion(WalletWord.unknown.rawValue, nil, error as NSError)
        }
    }

    /// False for what is no wallet's.
    @objc(openURL:)
    @discardableResult
    public func open(_ url: URL) -> Bool { Wallets.shared.open(url) }

    @objc(openActivity:)
    @discardableResult
    public func open(_ activity: NSUserActivity) -> Bool { Wallets.shared.open(activity) }
}
#endif
