// Copy it into an app that links AlipaySDK, and set it when the app starts: Wallets.shared.alipay = AlipayAdapter()

import AlipaySDK
import Foundation
import MaxPay

final class AlipayAdapter: AlipayWallet {
    func pay(order: String, scheme: String, heard: @escaping ([AnyHashable: Any]) -> Void) {
        AlipaySDK.defaultService().payOrder(order, fromScheme: scheme) { heard($0 ?? [:]) }
    }

    func open(_ url: URL, heard: @escaping ([AnyHashable: Any]) -> Void) {
        AlipaySDK.defaultService().processOrder(withPaymentResult: url) { heard($0 ?? [:]) }
    }
}
