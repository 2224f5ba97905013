package maxpay.android

import android.app.Activity
import kotlin.concurrent.thread
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableDeferred
import maxpay.Channel
import maxpay.Charged
import maxpay.Wallet
import maxpay.WalletException
import maxpay.WalletOrder
import maxpay.WalletResult
import maxpay.WalletWord

/** Opens Alipay: its app, or its own page where the app is not installed. */
internal class AlipayWallet(private val sdk: AlipaySdk?, private val activity: Activity) : Wallet {
    override val channel = Channel.ALIPAY
    override val isAvailable = sdk != null

    override suspend fun open(charged: Charged): WalletResult {
        val task = sdk ?: throw WalletException(channel, "its SDK is not in the app")
        val order = charged.order as WalletOrder.Alipay
        val answer = CompletableDeferred<Map<String, String>>()
        // It blocks as long as the payer is away. A thread of its own lets who is cancelled return.
        thread(name = "maxpay-alipay", isDaemon = true) {
            runCatching { task.pay(activity, order.orderInfo) }.onSuccess(answer::complete).onFailure(answer::completeExceptionally)
        }
        val said = try {
            answer.await()
        } catch (error: CancellationException) {
            throw error
        } catch (error: Exception) {
            throw WalletException(channel, "its SDK failed", error)
        }
        val status = said["resultStatus"]
        val word = when (status) {
            "9000" -> WalletWord.SUCCESS
            "6001" -> WalletWord.CANCEL
            // 8000 and 6004 are open, 4000 and 6002 have failed as far as the phone knows. Only the bill says.
            else -> WalletWord.UNKNOWN
        }
        return WalletResult(word, status, said["memo"])
    }
}
