// Copy it into an app that links WechatOpenSDK, and set it when the app starts: Wallets.shared.wechat = WechatAdapter()

import Foundation
import MaxPay
import WechatOpenSDK

final class WechatAdapter: NSObject, WechatWallet, WXApiDelegate {
    var isInstalled: Bool { WXApi.isWXAppInstalled() }

    func register(appId: String, universalLink: String) -> Bool {
        WXApi.registerApp(appId, universalLink: universalLink)
    }

    func pay(_ request: WechatRequest, sent: @escaping (Bool) -> Void) {
        let pay = PayReq()
        pay.openID = request.appId
        pay.partnerId = request.partnerId
        pay.prepayId = request.prepayId
        pay.package = request.package
        pay.nonceStr = request.nonceStr
        pay.timeStamp = request.timeStamp
        pay.sign = request.sign
        WXApi.send(pay, completion: sent)
    }

    func open(_ url: URL) -> Bool { WXApi.handleOpen(url, delegate: self) }

    func open(_ activity: NSUserActivity) -> Bool { WXApi.handleOpenUniversalLink(activity, delegate: self) }

    func onResp(_ response: BaseResp) {
        if let paid = response as? PayResp { Wallets.shared.heardFromWechat(errorCode: Int(paid.errCode)) }
    }
}
