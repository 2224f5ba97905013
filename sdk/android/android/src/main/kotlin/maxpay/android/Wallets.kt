// The wallets that an app has. Their SDKs are the wallets' own: small interfaces stand before those that Maven does not have.

package maxpay.android

import android.app.Activity
import com.tencent.mm.opensdk.openapi.IWXAPI
import maxpay.Channel
import maxpay.Wallet
import maxpay.channelsOf

/** Alipay's SDK: `AlipaySdk { activity, order -> PayTask(activity).payV2(order, true) }`. */
public fun interface AlipaySdk {
    /** Blocks until the payer comes back. Gives `resultStatus`, `memo` and `result`. */
    public fun pay(activity: Activity, orderInfo: String): Map<String, String>
}

/** UnionPay's SDK: `UnionpaySdk { activity, tn, mode -> UPPayAssistEx.startPay(activity, null, null, tn, mode) }`. */
public fun interface UnionpaySdk {
    /** Opens UnionPay's page, whose result comes to `onActivityResult` of [activity]. [mode] is `00` or, for UnionPay's test environment, `01`. */
    public fun start(activity: Activity, tn: String, mode: String)
}

/** Which wallets the app offers: those whose SDK is given. Make it once, when the app starts: WeChat may answer to a new process. */
public class Wallets @JvmOverloads constructor(
    private val wechat: IWXAPI? = null,
    private val alipay: AlipaySdk? = findAlipay(),
    private val unionpay: UnionpaySdk? = findUnionpay(),
    /** True if the charges go to UnionPay's own test environment. */
    private val isUnionpayTest: Boolean = false,
    /** The activity that UnionPay's result comes to, if it is not [UnionpayActivity] itself. */
    private val unionpayActivity: Class<out UnionpayActivity> = UnionpayActivity::class.java,
) {
    init {
        wechat?.let { WechatAnswers.api = it }
    }

    /** The channels that the payer can use on this device. */
    public fun channels(activity: Activity): List<Channel> = channelsOf(Channel.entries.map { of(it, activity) })

    /** The wallet of a channel. It says itself whether it can be used. */
    public fun of(channel: Channel, activity: Activity): Wallet = when (channel) {
        Channel.ALIPAY -> AlipayWallet(alipay, activity)
        Channel.WECHAT -> WechatWallet(wechat, activity.application)
        Channel.UNIONPAY -> UnionpayWallet(unionpay, activity, unionpayActivity, if (isUnionpayTest) MODE_TEST else MODE_LIVE)
    }
}

private const val MODE_LIVE = "00"
private const val MODE_TEST = "01"
