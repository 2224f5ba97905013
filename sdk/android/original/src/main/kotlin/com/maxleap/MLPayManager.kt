// The original's way to pay: it charges, opens the wallet and tells what the wallet said. Nothing is asked afterwards: the app queries.

package com.maxleap

import android.app.Activity
import android.content.Context
import android.content.Intent
import android.os.Handler
import android.os.Looper
import com.maxleap.exception.MLCancelException
import com.maxleap.exception.MLException
import com.maxleap.exception.MLPayException
import com.tencent.mm.opensdk.openapi.IWXAPI
import com.tencent.mm.opensdk.openapi.WXAPIFactory
import java.util.concurrent.Executor
import maxpay.ApiException
import maxpay.Callback
import maxpay.Channel
import maxpay.ConnectionException
import maxpay.InvalidInputException
import maxpay.Record
import maxpay.UnexpectedAnswerException
import maxpay.Wallet
import maxpay.WalletResult
import maxpay.WalletWord
import maxpay.android.AlipaySdk
import maxpay.android.UnionpaySdk
import maxpay.android.Wallets
import maxpay.android.WechatAnswers
import maxpay.android.findAlipay
import maxpay.android.findUnionpay
import maxpay.inBackground

private val MAIN = Executor { Handler(Looper.getMainLooper()).post(it) }

/** MISS_PARAM of the gateway, which answers the same to a charge without a channel. */
private const val MISS_PARAM = 4

/** Has bills paid, and asks for them. */
public object MLPayManager {
    @Volatile
    private var wechat: IWXAPI? = null

    @Volatile
    private var isTest = false

    /** The wallets' own SDKs, as they are in the app. */
    internal var alipay: () -> AlipaySdk? = ::findAlipay
    internal var unionpay: () -> UnionpaySdk? = ::findUnionpay

    /** To be called when the app starts, since WeChat may answer to a new process. */
    @JvmStatic
    public fun initializeWechatPay(context: Context, appId: String) {
        initializeWechatPay(WXAPIFactory.createWXAPI(context.applicationContext, appId, true).also { it.registerApp(appId) })
    }

    internal fun initializeWechatPay(api: IWXAPI) {
        wechat = api
        wallets()
    }

    /** Whether UnionPay's test environment is opened. The mode of a bill is that of the key. */
    @JvmStatic
    public fun setSandbox(sandbox: Boolean) {
        isTest = sandbox
    }

    @JvmStatic
    public fun isSandbox(): Boolean = isTest

    /** Takes WeChat's answer, in `onCreate` of the app's own `WXPayEntryActivity`. */
    @JvmStatic
    public fun onCreate(intent: Intent?) {
        WechatAnswers.handle(intent)
    }

    /** Takes WeChat's answer, in `onNewIntent` of the app's own `WXPayEntryActivity`. */
    @JvmStatic
    public fun onNewIntent(intent: Intent?) {
        WechatAnswers.handle(intent)
    }

    /**
     * Charges and opens the wallet. [callback] hears the transaction's id if the wallet says "paid", [MLCancelException] if the payer cancelled, and
     * [MLPayException] for everything else, also where the end is open: query the bill then.
     */
    @JvmStatic
    public fun doPayInBackground(activity: Activity, param: MLPayParam, callback: PayCallback) {
        inBackground(MAIN, heardBy(callback)) {
            val wallet = wallet(activity, param.channel)
            val charged = MaxLeap.client().charge(param.toCharge(wallet.channel))
            Paid(charged.id, wallet.open(charged))
        }
    }

    /** Asks for a bill on any channel. An unknown bill is [MLException.OBJECT_NOT_FOUND]. */
    @JvmStatic
    public fun queryOrderInBackground(billNum: String, callback: QueryOrderCallback): Unit = queryOrderInBackground(null, billNum, callback)

    /** Asks for a bill on one channel. An unknown bill is [MLException.OBJECT_NOT_FOUND]. */
    @JvmStatic
    public fun queryOrderInBackground(channel: MLPayParam.Channel?, billNum: String, callback: QueryOrderCallback) {
        inBackground(MAIN, heardBy(callback)) { MaxLeap.client().records(billNum, channel?.get()) }
    }

    private fun wallets() = Wallets(wechat, alipay(), unionpay(), isTest, MLUnionPaymentActivity::class.java)

    private fun wallet(activity: Activity, given: MLPayParam.Channel?): Wallet {
        val wallets = wallets()
        if (given != null && given != MLPayParam.Channel.AUTOMATIC) return wallets.of(Channel.entries.first { it.word == given.get() }, activity)
        val found = wallets.channels(activity)
        val only = found.singleOrNull() ?: throw InvalidInputException("channel", "is needed: the wallets found here are ${found.map { it.word }}")
        return wallets.of(only, activity)
    }

    private class Paid(val id: String?, val said: WalletResult)

    private fun heardBy(callback: PayCallback) = object : Callback<Paid> {
        override fun done(value: Paid) = when (value.said.word) {
            WalletWord.SUCCESS -> callback.done(value.id, null)
            WalletWord.CANCEL -> callback.done(null, MLCancelException())
            WalletWord.UNKNOWN -> callback.done(null, MLPayException(value.said.code?.toIntOrNull() ?: MLException.OTHER_CAUSE, wordsOf(value.said)))
        }

        override fun failed(error: Exception) = callback.done(null, MLPayException(codeOf(error), error.message, error))
    }

    private fun heardBy(callback: QueryOrderCallback) = object : Callback<List<Record>> {
        override fun done(value: List<Record>) {
            if (value.isEmpty()) callback.done(null, MLException(MLException.OBJECT_NOT_FOUND, "Object not found."))
            else callback.done(value.map(::MLOrder), null)
        }

        override fun failed(error: Exception) = callback.done(null, MLException(codeOf(error), error.message, error))
    }

    private fun wordsOf(said: WalletResult) = said.message?.takeIf { it.isNotEmpty() } ?: "the wallet said ${said.code}: query the bill"

    private fun codeOf(error: Exception) = when (error) {
        is ApiException -> error.number
        is InvalidInputException -> if (error.field == "channel") MISS_PARAM else MLException.OTHER_CAUSE
        is ConnectionException, is UnexpectedAnswerException -> MLException.CONNECTION_FAILED
        else -> MLException.OTHER_CAUSE
    }
}
