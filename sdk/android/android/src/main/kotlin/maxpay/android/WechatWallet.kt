package maxpay.android

import android.app.Activity
import android.app.Application
import android.content.Intent
import android.os.Bundle
import com.tencent.mm.opensdk.constants.Build
import com.tencent.mm.opensdk.modelbase.BaseReq
import com.tencent.mm.opensdk.modelbase.BaseResp
import com.tencent.mm.opensdk.modelpay.PayReq
import com.tencent.mm.opensdk.modelpay.PayResp
import com.tencent.mm.opensdk.openapi.IWXAPI
import com.tencent.mm.opensdk.openapi.IWXAPIEventHandler
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.delay
import kotlinx.coroutines.selects.select
import kotlinx.coroutines.withTimeoutOrNull
import maxpay.Channel
import maxpay.Charged
import maxpay.InvalidInputException
import maxpay.Wallet
import maxpay.WalletException
import maxpay.WalletOrder
import maxpay.WalletResult
import maxpay.WalletWord

/** A payer who comes back by another way than WeChat's button has nobody answer. WeChat's own answer is there before this is over. */
private const val ANSWER_MS_MAX = 2000L

/** WeChat's orders end after two hours. */
private const val AWAY_MS_MAX = 7_200_000L

/** Opens WeChat, which has to be installed. */
internal class WechatWallet(private val api: IWXAPI?, private val application: Application) : Wallet {
    override val channel = Channel.WECHAT
    override val isAvailable get() = api != null && api.isWXAppInstalled && api.wxAppSupportAPI >= Build.PAY_SUPPORTED_SDK_INT

    override suspend fun open(charged: Charged): WalletResult {
        api ?: throw WalletException(channel, "no IWXAPI was given")
        val order = charged.order as WalletOrder.Wechat
        // It registers the app under its own id: WeChat would refuse another one's order with a code alone.
        if (!api.registerApp(order.appId)) throw WalletException(channel, "WeChat does not take the app ${order.appId}")
        val answer = WechatAnswers.expect(order.prepayId)
        val returned = CompletableDeferred<Unit>()
        val watch = Watch(returned)
        application.registerActivityLifecycleCallbacks(watch)
        try {
            if (!api.sendReq(requestOf(order))) throw WalletException(channel, "WeChat cannot be opened: is it installed, and in queries of the manifest?")
            val said = withTimeoutOrNull(AWAY_MS_MAX) {
                select<BaseResp?> {
                    answer.onAwait { it }
                    returned.onAwait { withTimeoutOrNull(ANSWER_MS_MAX) { answer.await() } }
                }
            }
            return resultOf(said)
        } finally {
            application.unregisterActivityLifecycleCallbacks(watch)
            WechatAnswers.forget(order.prepayId)
        }
    }

    private fun requestOf(order: WalletOrder.Wechat) = PayReq().apply {
        appId = order.appId
        partnerId = order.partnerId
        prepayId = order.prepayId
        packageValue = order.packageValue
        nonceStr = order.nonceStr
        timeStamp = order.timeStamp
        sign = order.sign
    }

    private fun resultOf(said: BaseResp?) = when (said?.errCode) {
        null -> WalletResult(WalletWord.UNKNOWN, message = "the payer came back without an answer of WeChat's")
        BaseResp.ErrCode.ERR_OK -> WalletResult(WalletWord.SUCCESS, "0")
        BaseResp.ErrCode.ERR_USER_CANCEL -> WalletResult(WalletWord.CANCEL, said.errCode.toString(), said.errStr)
        else -> WalletResult(WalletWord.UNKNOWN, said.errCode.toString(), said.errStr)
    }
}

/** Sees the payer leave the app and come back to it. */
private class Watch(private val returned: CompletableDeferred<Unit>) : Application.ActivityLifecycleCallbacks {
    @Volatile
    private var isAway = false

    override fun onActivityPaused(activity: Activity) {
        isAway = true
    }

    override fun onActivityResumed(activity: Activity) {
        if (isAway && activity !is WechatEntryActivity) returned.complete(Unit)
    }

    override fun onActivityCreated(activity: Activity, state: Bundle?) = Unit

    override fun onActivityStarted(activity: Activity) = Unit

    override fun onActivityStopped(activity: Activity) = Unit

    override fun onActivitySaveInstanceState(activity: Activity, state: Bundle) = Unit

    override fun onActivityDestroyed(activity: Activity) = Unit
}

/** Takes WeChat's answers to whom they are for. An answer that nobody waits for, as in a new process, is dropped: the bill is asked for instead. */
public object WechatAnswers {
    @Volatile
    internal var api: IWXAPI? = null
    private val expected = ConcurrentHashMap<String, CompletableDeferred<BaseResp>>()

    private val handler = object : IWXAPIEventHandler {
        override fun onReq(request: BaseReq) = Unit

        override fun onResp(answer: BaseResp) {
            val prepayId = (answer as? PayResp)?.prepayId
            // Old versions of WeChat do not say which order it is; one payer pays one at a time.
            val waiting = if (prepayId.isNullOrEmpty()) expected.values.singleOrNull() else expected[prepayId]
            waiting?.complete(answer)
        }
    }

    /** To be called in `onCreate` and `onNewIntent` of `wxapi.WXPayEntryActivity`, if it is not a [WechatEntryActivity]. False if it is no answer. */
    @JvmStatic
    public fun handle(intent: Intent?): Boolean = intent != null && api?.handleIntent(intent, handler) == true

    internal fun expect(prepayId: String): CompletableDeferred<BaseResp> {
        val answer = CompletableDeferred<BaseResp>()
        if (expected.putIfAbsent(prepayId, answer) != null) throw InvalidInputException("prepayid", "is being paid already")
        return answer
    }

    internal fun forget(prepayId: String) {
        expected.remove(prepayId)
    }
}

/** The parent of the app's `wxapi.WXPayEntryActivity`, which WeChat starts with its answer. */
public open class WechatEntryActivity : Activity() {
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        take(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        setIntent(intent)
        take(intent)
    }

    private fun take(intent: Intent?) {
        WechatAnswers.handle(intent)
        finish()
    }
}
