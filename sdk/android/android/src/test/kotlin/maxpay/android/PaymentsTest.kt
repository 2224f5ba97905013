package maxpay.android

import android.app.Activity
import android.content.Context
import android.os.Looper
import com.alipay.sdk.app.PayTask
import com.unionpay.UPPayAssistEx
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Deferred
import kotlinx.coroutines.DelicateCoroutinesApi
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.GlobalScope
import kotlinx.coroutines.async
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.runBlocking
import maxpay.Ask
import maxpay.Callback
import maxpay.Channel
import maxpay.Charge
import maxpay.Charged
import maxpay.Outcome
import maxpay.Stack
import maxpay.Status
import maxpay.WalletException
import maxpay.WalletWord
import maxpay.Wechat
import maxpay.client
import maxpay.fails
import maxpay.payBill
import maxpay.unionpayPage
import maxpay.unionpaySays
import maxpay.until
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config

/** Every wallet from the button to the bill: fakes of the wallets, the running stack behind them. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
@OptIn(DelicateCoroutinesApi::class)
class PaymentsTest {
    private val app = RuntimeEnvironment.getApplication()
    private val client = client()
    private val wechat = Wechat()
    private val payments = Payments(app, Wallets(wechat), client)
    private val page = Robolectric.buildActivity(Activity::class.java).setup()
    private val activity: Activity = page.get()

    private fun pay(charge: Charge): Deferred<Outcome> = GlobalScope.async(Dispatchers.IO) { payments.pay(activity, client, charge) }

    private fun <Value : Any> Deferred<Value>.ended(): Value {
        until("the end") { this.takeIf { it.isCompleted } }
        return runBlocking { await() }
    }

    /** A bill that the payer cancelled is asked for only for seconds, which may be too short on a busy machine. It is not forgotten then. */
    private fun isPaid(outcome: Outcome) {
        val isOver = outcome.wallet.word == WalletWord.CANCEL && outcome.status == Status.CREATED
        if (isOver) assertTrue(outcome.billNum in openBills()) else assertEquals(Status.SUCCESS, outcome.status)
    }

    private fun openBills() = StoredBills(app).all()

    /** The payer comes back: WeChat starts the app's entry, and then its page is seen again. */
    private fun comeBack(errCode: Int, prepayId: String?) {
        page.pause()
        val entry = Robolectric.buildActivity(shop.WXPayEntryActivity::class.java, wechat.answer(errCode, prepayId)).setup()
        assertTrue(entry.get().isFinishing)
        page.resume()
    }

    @Test
    fun `Alipay's order is paid, and its word is read`() {
        val words = mapOf(
            "9000" to WalletWord.SUCCESS, "6001" to WalletWord.CANCEL, "8000" to WalletWord.UNKNOWN, "6004" to WalletWord.UNKNOWN,
            "4000" to WalletWord.UNKNOWN, "6002" to WalletWord.UNKNOWN,
        )
        for ((status, word) in words) {
            val charge = Stack.charge(Channel.ALIPAY)
            PayTask.payer = {
                payBill(charge.billNum)
                mapOf("resultStatus" to status, "memo" to "said", "result" to "")
            }
            val outcome = pay(charge).ended()
            assertEquals(word, outcome.wallet.word)
            assertEquals(status, outcome.wallet.code)
            assertEquals("said", outcome.wallet.message)
            isPaid(outcome)
            assertTrue(PayTask.orders.last(), PayTask.orders.last().contains("&sign="))
        }
    }

    @Test
    fun `an SDK that fails is an error, and leaves no bill open`() {
        PayTask.payer = { throw IllegalStateException("of Alipay") }
        val error = fails<WalletException> { pay(Stack.charge(Channel.ALIPAY)).ended() }
        assertEquals(Channel.ALIPAY, error.channel)
        assertEquals(emptyList<String>(), openBills())
    }

    @Test
    fun `WeChat gets the order, and its answer is read`() {
        val words = mapOf(0 to WalletWord.SUCCESS, -2 to WalletWord.CANCEL, -1 to WalletWord.UNKNOWN)
        for ((errCode, word) in words) {
            val charge = Stack.charge(Channel.WECHAT)
            val payment = pay(charge)
            val order = until("the order") { wechat.sent.lastOrNull() }
            wechat.sent.clear()
            assertEquals("Sign=WXPay", order.packageValue)
            payBill(charge.billNum)
            comeBack(errCode, order.prepayId)
            val outcome = payment.ended()
            assertEquals(word, outcome.wallet.word)
            assertEquals(errCode.toString(), outcome.wallet.code)
            isPaid(outcome)
        }
    }

    @Test
    fun `an answer without the order's number is the one payment's that is under way`() {
        val charge = Stack.charge(Channel.WECHAT)
        val payment = pay(charge)
        until("the order") { wechat.sent.lastOrNull() }
        comeBack(-2, null)
        assertEquals(WalletWord.CANCEL, payment.ended().wallet.word)
    }

    @Test
    fun `an answer to another order is not this one's`() {
        val charge = Stack.charge(Channel.WECHAT)
        val payment = pay(charge)
        val order = until("the order") { wechat.sent.lastOrNull() }
        page.pause()
        assertTrue(WechatAnswers.handle(wechat.answer(0, "wx-another")))
        assertTrue(WechatAnswers.handle(wechat.answer(-2, order.prepayId)))
        assertEquals(WalletWord.CANCEL, payment.ended().wallet.word)
    }

    @Test
    fun `a payer who comes back by the task list has nobody answer, and the bill is asked for`() {
        val charge = Stack.charge(Channel.WECHAT)
        val payment = pay(charge)
        until("the order") { wechat.sent.lastOrNull() }
        payBill(charge.billNum)
        page.pause().resume()
        val outcome = payment.ended()
        assertEquals(WalletWord.UNKNOWN, outcome.wallet.word)
        assertNull(outcome.wallet.code)
        assertEquals(WalletWord.SUCCESS, outcome.result)
    }

    @Test
    fun `where WeChat is not installed it is not offered, and a payment by it is an error`() {
        assertEquals(Channel.entries, payments.channels(activity))
        wechat.isInstalled = false
        assertEquals(listOf(Channel.ALIPAY, Channel.UNIONPAY), payments.channels(activity))
        assertEquals(Channel.WECHAT, fails<WalletException> { pay(Stack.charge(Channel.WECHAT)).ended() }.channel)
        assertEquals(emptyList<String>(), openBills())
        val none = Payments(app, Wallets(alipay = null, unionpay = null), client)
        assertEquals(emptyList<Channel>(), none.channels(activity))
        for (channel in Channel.entries) {
            assertEquals(channel, fails<WalletException> { none.pay(activity, client, Stack.charge(channel)) }.channel)
        }
    }

    @Test
    fun `what is no answer of WeChat's is not taken for one`() {
        assertEquals(false, WechatAnswers.handle(null))
        assertEquals(false, WechatAnswers.handle(android.content.Intent()))
        val forged = wechat.answer(0, "wx1").putExtra("_mmessage_checksum", ByteArray(32))
        assertEquals(false, WechatAnswers.handle(forged))
    }

    @Test
    fun `UnionPay's page is opened once, and its result is read`() {
        val words = mapOf("success" to WalletWord.SUCCESS, "cancel" to WalletWord.CANCEL, "fail" to WalletWord.UNKNOWN, null to WalletWord.UNKNOWN)
        for ((said, word) in words) {
            UPPayAssistEx.started.clear()
            val charge = Stack.charge(Channel.UNIONPAY)
            val payment = pay(charge)
            // A turn of the screen makes the activity anew.
            val control = unionpayPage(UnionpayActivity::class.java).recreate()
            assertEquals(1, UPPayAssistEx.started.size)
            assertTrue(UPPayAssistEx.started.single(), UPPayAssistEx.started.single().matches(Regex("[0-9]{21} 00")))
            payBill(charge.billNum)
            control.get().startActivityForResult(UPPayAssistEx.page(app), 10)
            unionpaySays(control.get(), said)
            assertTrue(control.get().isFinishing)
            val outcome = payment.ended()
            assertEquals(word, outcome.wallet.word)
            assertEquals(said, outcome.wallet.code)
            isPaid(outcome)
        }
    }

    @Test
    fun `UnionPay's page that is left without a result leaves the bill to be asked for`() {
        val charge = Stack.charge(Channel.UNIONPAY)
        val payment = pay(charge)
        val control = unionpayPage(UnionpayActivity::class.java)
        payBill(charge.billNum)
        control.get().finish()
        control.pause().stop().destroy()
        val outcome = payment.ended()
        assertEquals(WalletWord.UNKNOWN, outcome.wallet.word)
        assertEquals(WalletWord.SUCCESS, outcome.result)
    }

    @Test
    fun `UnionPay's test environment is its mode 01`() {
        UPPayAssistEx.started.clear()
        val test = Payments(app, Wallets(isUnionpayTest = true), client)
        val payment = GlobalScope.async(Dispatchers.IO) { test.pay(activity, client, Stack.charge(Channel.UNIONPAY)) }
        val control = unionpayPage(UnionpayActivity::class.java)
        assertTrue(UPPayAssistEx.started.single().endsWith(" 01"))
        unionpaySays(control.get(), "cancel")
        assertEquals(WalletWord.CANCEL, payment.ended().result)
    }

    @Test
    fun `an app without UnionPay's activity in its manifest hears so`() {
        shadowOf(app).checkActivities(true)
        val error = fails<WalletException> { pay(Stack.charge(Channel.UNIONPAY)).ended() }
        assertTrue(error.message!!, error.message!!.contains("maxpay.android.UnionpayActivity is not in the app's manifest"))
    }

    @Test
    fun `after the process was killed WeChat's answer does no harm, and the bill is asked for`() = runBlocking {
        val charge = Stack.charge(Channel.WECHAT)
        val payment = pay(charge)
        val order = until("the order") { wechat.sent.lastOrNull() }
        // All that is left of a process is what it has stored.
        payment.cancelAndJoin()
        payBill(charge.billNum)
        val next = Payments(app, Wallets(wechat), client)
        comeBack(0, order.prepayId)
        val found = next.unfinished().single()
        assertEquals(charge.billNum, found.billNum)
        assertEquals(WalletWord.SUCCESS, found.result)
        assertEquals(emptyList<Outcome>(), next.unfinished())
    }

    @Test
    fun `after the process was killed UnionPay's activity opens nothing again`() {
        UPPayAssistEx.started.clear()
        val intent = android.content.Intent(app, UnionpayActivity::class.java).putExtra("maxpay.tn", "1").putExtra("maxpay.mode", "00")
        assertTrue(Robolectric.buildActivity(UnionpayActivity::class.java, intent).setup().get().isFinishing)
        // Android gives the result to an activity that it makes anew.
        val control = Robolectric.buildActivity(UnionpayActivity::class.java, intent).create(android.os.Bundle()).start().resume()
        control.get().startActivityForResult(UPPayAssistEx.page(app), 10)
        unionpaySays(control.get(), "success")
        assertTrue(control.get().isFinishing)
        assertEquals(emptyList<String>(), UPPayAssistEx.started)
    }

    @Test
    fun `open bills are bounded in number and age`() {
        val file = app.getSharedPreferences("maxpay-open-bills", Context.MODE_PRIVATE)
        file.edit().putLong("old", System.currentTimeMillis() - 8 * 86_400_000L).putLong("new", System.currentTimeMillis() - 60_000).apply()
        assertEquals(listOf("new"), openBills())
        repeat(60) {
            StoredBills(app).add("bill-$it")
            Thread.sleep(2)
        }
        assertEquals((10 until 60).map { "bill-$it" }, openBills())
        openBills().forEach(StoredBills(app)::remove)
        assertEquals(emptyMap<String, Any>(), file.all)
    }

    @Test
    fun `callbacks run on the main thread, also for what the shop's own server throws`() {
        val heard = mutableListOf<String>()
        val callback = object : Callback<Outcome> {
            override fun done(value: Outcome) {
                heard.add("${value.result} ${Looper.myLooper() == Looper.getMainLooper()}")
            }

            override fun failed(error: Exception) {
                heard.add("${error.message} ${Looper.myLooper() == Looper.getMainLooper()}")
            }
        }
        val charge = Stack.charge(Channel.ALIPAY)
        PayTask.payer = {
            payBill(charge.billNum)
            mapOf("resultStatus" to "9000")
        }
        payments.pay(activity, client, charge, callback)
        assertEquals("SUCCESS true", until("the callback") { heard.lastOrNull() })
        heard.clear()
        val broken = Payments(app, Wallets(wechat), Ask { throw IllegalStateException("broken") })
        val charged = Charged.parse("""{"channel":"ali_app","billNum":"${Stack.newBill()}","ali_app":"a"}""")
        PayTask.payer = { mapOf("resultStatus" to "9000") }
        broken.pay(activity, charged, callback)
        assertEquals("broken true", until("the callback") { heard.lastOrNull() })
    }

    @Test
    fun `who cancels does not wait for Alipay`() = runBlocking {
        val left = CountDownLatch(1)
        val inside = CompletableDeferred<Unit>()
        PayTask.payer = {
            inside.complete(Unit)
            left.await(20, TimeUnit.SECONDS)
            emptyMap()
        }
        val charge = Stack.charge(Channel.ALIPAY)
        val payment = pay(charge)
        inside.await()
        payment.cancelAndJoin()
        assertEquals(1, left.count)
        left.countDown()
        assertTrue(charge.billNum in openBills())
    }
}
