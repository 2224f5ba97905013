// Copy it into an app that links UPPaymentControl (its header in the bridging header), and set it when the app starts:
// Wallets.shared.unionPay = UnionPayAdapter()

import MaxPay
import UIKit

final class UnionPayAdapter: UnionPayWallet {
    func pay(tn: String, scheme: String, mode: String, presenter: Presenter?) -> Bool {
        guard let controller = presenter as? UIViewController else { return false }
        return UPPaymentControl.default().startPay(tn, fromScheme: scheme, mode: mode, viewController: controller)
    }

    func open(_ url: URL, heard: @escaping (String, [AnyHashable: Any]?) -> Void) -> Bool {
        UPPaymentControl.default().handlePaymentResult(url) { code, data in heard(code ?? "", data) }
    }
}
