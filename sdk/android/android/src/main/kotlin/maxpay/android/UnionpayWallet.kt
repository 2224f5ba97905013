package maxpay.android

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import java.util.concurrent.ConcurrentHashMap
import kotlinx.coroutines.CompletableDeferred
import maxpay.Channel
import maxpay.Charged
import maxpay.InvalidInputException
import maxpay.Wallet
import maxpay.WalletException
import maxpay.WalletOrder
import maxpay.WalletResult
import maxpay.WalletWord

private const val TN = "maxpay.tn"
private const val MODE = "maxpay.mode"
private const val NO_RESULT = "UnionPay's page was left without a result"

/** Opens UnionPay's control, by way of an activity that its result comes to. */
internal class UnionpayWallet(
    private val sdk: UnionpaySdk?,
    private val activity: Activity,
    private val page: Class<out UnionpayActivity>,
    private val mode: String,
) : Wallet {
    override val channel = Channel.UNIONPAY
    override val isAvailable = sdk != null

    override suspend fun open(charged: Charged): WalletResult {
        sdk ?: throw WalletException(channel, "its SDK is not in the app")
        val tn = (charged.order as WalletOrder.Unionpay).tn
        val payment = UnionpayActivity.Payment(sdk)
        if (UnionpayActivity.underWay.putIfAbsent(tn, payment) != null) throw InvalidInputException("tn", "is being paid already")
        try {
            activity.startActivity(Intent(activity, page).putExtra(TN, tn).putExtra(MODE, mode))
            return payment.result.await()
        } catch (error: android.content.ActivityNotFoundException) {
            throw WalletException(channel, "${page.name} is not in the app's manifest", error)
        } finally {
            UnionpayActivity.underWay.remove(tn)
        }
    }
}

/** Shows nothing of its own: it opens UnionPay's control, and hears its result. The app's manifest names it. */
public open class UnionpayActivity : Activity() {
    internal class Payment(val sdk: UnionpaySdk) {
        val result = CompletableDeferred<WalletResult>()
    }

    private val payment: Payment?
        get() = intent.getStringExtra(TN)?.let { underWay[it] }

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        // Made anew after a turn of the screen, UnionPay's page is open already; in a new process nobody waits.
        if (state != null) return
        val payment = payment ?: return finish()
        try {
            payment.sdk.start(this, intent.getStringExtra(TN).orEmpty(), intent.getStringExtra(MODE).orEmpty())
        } catch (error: Exception) {
            payment.result.completeExceptionally(WalletException(Channel.UNIONPAY, "its SDK failed", error))
            finish()
        }
    }

    override fun onActivityResult(request: Int, code: Int, data: Intent?) {
        super.onActivityResult(request, code, data)
        val said = data?.extras?.getString("pay_result")
        val word = when (said?.lowercase()) {
            "success" -> WalletWord.SUCCESS
            "cancel" -> WalletWord.CANCEL
            // A `fail` on the phone is no word of the bank's.
            else -> WalletWord.UNKNOWN
        }
        payment?.result?.complete(WalletResult(word, said, if (said == null) NO_RESULT else null))
        finish()
    }

    override fun onDestroy() {
        if (isFinishing) payment?.result?.complete(WalletResult(WalletWord.UNKNOWN, message = NO_RESULT))
        super.onDestroy()
    }

    internal companion object {
        val underWay = ConcurrentHashMap<String, Payment>()
    }
}
