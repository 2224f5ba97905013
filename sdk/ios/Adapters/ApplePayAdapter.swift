// Copy it into an app that links UPAPayPlugin (its header in the bridging header), and set it when the app starts:
// Wallets.shared.applePay = ApplePayAdapter()

import MaxPay
import PassKit
import UIKit

final class ApplePayAdapter: NSObject, ApplePayWallet, UPAPayPluginDelegate {
    private var heard: ((WalletWord) -> Void)?

    var isAvailable: Bool { PKPaymentAuthorizationViewController.canMakePayments(usingNetworks: [.chinaUnionPay]) }

    func pay(tn: String, mode: String, merchantId: String, presenter: Presenter?, heard: @escaping (WalletWord) -> Void) -> Bool {
        guard let controller = presenter as? UIViewController else { return false }
        self.heard = heard
        return UPAPayPlugin.startPay(tn, mode: mode, viewController: controller, delegate: self, andAPMechantID: merchantId)
    }

    func uPAPayPluginResult(_ result: UPPayResult) {
        switch result.paymentResultStatus {
        case .success: heard?(.success)
        case .cancel: heard?(.cancel)
        // A failure, and a cancellation after the password: the bill says which.
        default: heard?(.unknown)
        }
        heard = nil
    }
}
