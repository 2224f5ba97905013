// What an app calls: one payment after the other, also for code without coroutines.

package maxpay.android

import android.app.Activity
import android.content.Context
import android.os.Handler
import android.os.Looper
import java.util.concurrent.Executor
import maxpay.Ask
import maxpay.Callback
import maxpay.Cancelable
import maxpay.Cashier
import maxpay.Channel
import maxpay.Charge
import maxpay.Charged
import maxpay.MaxPay
import maxpay.OpenBills
import maxpay.Outcome
import maxpay.WAIT_MS
import maxpay.inBackground

/** Callbacks run where the app may touch its views. */
private val MAIN = Executor { Handler(Looper.getMainLooper()).post(it) }

/** Has bills paid in an app. Make one when the app starts. */
public class Payments(
    context: Context,
    public val wallets: Wallets,
    /** Asked what became of a bill: a [MaxPay] with the client key, or your own server. */
    ask: Ask,
) {
    private val cashier = Cashier(ask, StoredBills(context))

    /** The channels that the payer can use on this device: offer these. */
    public fun channels(activity: Activity): List<Channel> = wallets.channels(activity)

    /**
     * Has it paid what your server charged: see [Charged.parse]. Gives an [Outcome] for each end that a payer can choose, and throws a
     * [maxpay.MaxPayException] if the wallet cannot be opened or nobody can be asked.
     */
    @JvmOverloads
    public suspend fun pay(activity: Activity, charged: Charged, waitMs: Long = WAIT_MS): Outcome =
        cashier.pay(charged, wallets.of(charged.channel, activity), waitMs)

    /** Charges from the app and has it paid. The app names the price then, so your server has to compare it before it delivers. */
    @JvmOverloads
    public suspend fun pay(activity: Activity, client: MaxPay, charge: Charge, waitMs: Long = WAIT_MS): Outcome =
        cashier.pay(client, charge, wallets.of(charge.channel, activity), waitMs)

    /** The bills whose end the app did not hear, since it was killed while the payer was in the wallet. Ask when the app starts. */
    public suspend fun unfinished(): List<Outcome> = cashier.unfinished()

    /** [pay] for code without coroutines. The callback runs on the main thread. */
    public fun pay(activity: Activity, charged: Charged, callback: Callback<Outcome>): Cancelable =
        inBackground(MAIN, callback) { pay(activity, charged) }

    /** [pay] for code without coroutines. The callback runs on the main thread. */
    public fun pay(activity: Activity, client: MaxPay, charge: Charge, callback: Callback<Outcome>): Cancelable =
        inBackground(MAIN, callback) { pay(activity, client, charge) }

    /** [unfinished] for code without coroutines. The callback runs on the main thread. */
    public fun unfinished(callback: Callback<List<Outcome>>): Cancelable = inBackground(MAIN, callback) { unfinished() }
}

private const val FILE = "maxpay-open-bills"
private const val BILLS_MAX = 50

/** No bill is open for longer than a week. */
private const val AGE_MS_MAX = 7 * 86_400_000L

/** Keeps open bills over the end of the process. */
internal class StoredBills(context: Context) : OpenBills {
    private val file = context.applicationContext.getSharedPreferences(FILE, Context.MODE_PRIVATE)

    @Synchronized
    override fun add(billNum: String) {
        val kept = kept()
        val edit = file.edit()
        // The oldest make room.
        for (bill in kept.take((kept.size + 1 - BILLS_MAX).coerceAtLeast(0))) edit.remove(bill)
        edit.putLong(billNum, System.currentTimeMillis()).apply()
    }

    @Synchronized
    override fun remove(billNum: String) {
        file.edit().remove(billNum).apply()
    }

    @Synchronized
    override fun all(): List<String> {
        val since = System.currentTimeMillis() - AGE_MS_MAX
        return kept().filter { bill -> (file.getLong(bill, 0) > since).also { if (!it) remove(bill) } }
    }

    /** The oldest first. */
    private fun kept(): List<String> = file.all.entries.sortedBy { it.value as? Long ?: 0 }.map { it.key }
}
