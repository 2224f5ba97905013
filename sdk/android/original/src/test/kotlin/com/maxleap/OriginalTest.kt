package com.maxleap

import android.app.Activity
import android.content.pm.PackageManager
import android.os.Bundle
import com.alipay.sdk.app.PayTask
import com.unionpay.UPPayAssistEx
import kotlinx.coroutines.runBlocking
import maxpay.Channel
import maxpay.InvalidInputException
import maxpay.Stack
import maxpay.Wechat
import maxpay.android.findAlipay
import maxpay.android.findUnionpay
import maxpay.client
import maxpay.payBill
import maxpay.unionpayPage
import maxpay.unionpaySays
import maxpay.until
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import shop.OldShop

/** An app of the original's, in Java, with the running stack behind the wallets' fakes. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
class OriginalTest {
    private val app = RuntimeEnvironment.getApplication()
    private val shop = OldShop()
    private val wechat = Wechat()
    private val page = Robolectric.buildActivity(Activity::class.java).setup()

    private fun manifest(url: String?) {
        val found = shadowOf(app.packageManager).getInternalMutablePackageInfo(app.packageName)
        found.applicationInfo!!.metaData = Bundle().apply { url?.let { putString("maxpay.url", it) } }
    }

    @Before
    fun start() {
        manifest(Stack.url)
        shop.start(app, Stack.appId, Stack.clientKey)
        MLPayManager.setSandbox(false)
        MLPayManager.alipay = ::findAlipay
        MLPayManager.unionpay = ::findUnionpay
        MLPayManager.initializeWechatPay(wechat)
        UPPayAssistEx.started.clear()
    }

    private fun said(): String = until("what the shop says") { shop.said.lastOrNull() }.also { shop.said.clear() }

    private fun isPaid(bill: String) {
        val words = said()
        assertEquals("paid ${runBlocking { client().records(bill).single().id }}", words)
    }

    private fun pay(channel: MLPayParam.Channel?, bill: String, fee: Int = 100) = shop.pay(page.get(), channel, bill, fee)

    @Test
    fun `Alipay is paid and queried`() {
        val bill = Stack.newBill()
        PayTask.payer = {
            payBill(bill)
            mapOf("resultStatus" to "9000")
        }
        pay(MLPayParam.Channel.ALIPAY_APP, bill)
        isPaid(bill)
        val expected = "1 $bill ali_app success 100 CNY ¥ 1.00 {t=2} true true"
        until("the bill is settled") { expected.takeIf { shop.query(null, bill).let { said() } == expected } }
        shop.query(MLPayParam.Channel.ALIPAY_APP, bill)
        assertEquals(expected, said())
        shop.query(MLPayParam.Channel.WECHAT_APP, bill)
        assertEquals("101 Object not found.", said())
        shop.query(MLPayParam.Channel.AUTOMATIC, bill)
        assertEquals(expected, said())
    }

    @Test
    fun `what a wallet says is told at once, and nothing is asked`() {
        for ((status, expected) in mapOf("6001" to "cancelled", "8000" to "MLPayException 8000 in process", "4000" to "MLPayException 4000 in process")) {
            PayTask.payer = { mapOf("resultStatus" to status, "memo" to "in process") }
            pay(MLPayParam.Channel.ALIPAY_APP, Stack.newBill())
            assertEquals(expected, said())
        }
        PayTask.payer = { mapOf("resultStatus" to "6002") }
        pay(MLPayParam.Channel.ALIPAY_APP, Stack.newBill())
        assertEquals("MLPayException 6002 the wallet said 6002: query the bill", said())
    }

    @Test
    fun `WeChat answers to the entry of the guide and to that of the SDK`() {
        for (entry in listOf(OldShop.WXPayEntryActivity::class.java, MLWechatPayEntryActivity::class.java)) {
            val bill = Stack.newBill()
            pay(MLPayParam.Channel.WECHAT_APP, bill)
            val order = until("the order") { wechat.sent.lastOrNull() }
            wechat.sent.clear()
            page.pause()
            Robolectric.buildActivity(entry, wechat.answer(0, order.prepayId)).setup()
            page.resume()
            isPaid(bill)
        }
        pay(MLPayParam.Channel.WECHAT_APP, Stack.newBill())
        val order = until("the order") { wechat.sent.lastOrNull() }
        val entry = Robolectric.buildActivity(OldShop.WXPayEntryActivity::class.java).setup()
        entry.newIntent(wechat.answer(-2, order.prepayId))
        assertEquals("cancelled", said())
        wechat.isInstalled = false
        pay(MLPayParam.Channel.WECHAT_APP, Stack.newBill())
        assertTrue(said().startsWith("MLPayException -1 wx_app: WeChat cannot be opened"))
    }

    @Test
    fun `UnionPay answers to the original's activity, in its mode`() {
        for ((sandbox, mode) in mapOf(false to "00", true to "01")) {
            MLPayManager.setSandbox(sandbox)
            assertEquals(sandbox, MLPayManager.isSandbox())
            for ((result, expected) in mapOf("success" to "paid ", "cancel" to "cancelled", "fail" to "MLPayException -1 the wallet said fail")) {
                pay(MLPayParam.Channel.UNION_APP, Stack.newBill())
                val control = unionpayPage(MLUnionPaymentActivity::class.java)
                assertTrue(UPPayAssistEx.started.last().endsWith(" $mode"))
                unionpaySays(control.get(), result)
                said().let { assertTrue(it, it.startsWith(expected)) }
            }
        }
    }

    @Test
    fun `AUTOMATIC is the only wallet that there is`() {
        for (channel in listOf(MLPayParam.Channel.AUTOMATIC, null)) {
            pay(channel, Stack.newBill())
            assertEquals("MLPayException 4 channel is needed: the wallets found here are [ali_app, wx_app, unipay_app]", said())
        }
        MLPayManager.unionpay = { null }
        wechat.isInstalled = false
        PayTask.payer = { mapOf("resultStatus" to "6001") }
        pay(MLPayParam.Channel.AUTOMATIC, Stack.newBill())
        assertEquals("cancelled", said())
        assertEquals("", MLPayParam.Channel.AUTOMATIC.get())
        assertEquals(Channel.entries.map { it.word }, MLPayParam.Channel.entries.map { it.get() }.filter { it.isNotEmpty() })
    }

    @Test
    fun `trouble is told with its code`() {
        pay(MLPayParam.Channel.ALIPAY_APP, "x".repeat(65))
        said().let { assertTrue(it, it.startsWith("MLPayException 5 5 PARAM_INVALID: billNum ")) }
        pay(MLPayParam.Channel.ALIPAY_APP, Stack.newBill(), fee = 0)
        said().let { assertTrue(it, it.startsWith("MLPayException -1 totalFee must be ")) }
        shop.query(null, Stack.newBill())
        assertEquals("101 Object not found.", said())
        manifest("http://127.0.0.1:1")
        shop.start(app, Stack.appId, Stack.clientKey)
        shop.query(null, "1")
        assertEquals("100 records: no answer from http://127.0.0.1:1", said())
    }

    @Test
    fun `settings that cannot be right are refused at the start`() {
        assertThrows(InvalidInputException::class.java) { shop.start(app, Stack.appId, Stack.masterKey) }
        manifest(null)
        val error = assertThrows(IllegalStateException::class.java) { shop.start(app, Stack.appId, Stack.clientKey) }
        assertTrue(error.message!!, error.message!!.contains("maxpay.url"))
        assertEquals("the bundle is of the app", 0, app.packageManager.getApplicationInfo(app.packageName, PackageManager.GET_META_DATA).metaData.size())
    }
}
