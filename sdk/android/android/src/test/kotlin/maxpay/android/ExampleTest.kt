package maxpay.android

import android.view.ViewGroup
import android.widget.Button
import com.alipay.sdk.app.PayTask
import java.io.File
import kotlinx.coroutines.runBlocking
import maxpay.Channel
import maxpay.Charged
import maxpay.Stack
import maxpay.Wechat
import maxpay.client
import maxpay.payBill
import maxpay.until
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowToast
import shop.TeaActivity
import shop.TeaShop

/** The example's shop with the running stack, and with a server that charges there. */
class TestShop : TeaShop() {
    override val maxpay by lazy { client() }
    override val wallets by lazy { Wallets(Wechat()) }
    var bill = ""

    override fun order(channel: Channel, charged: (Charged) -> Unit) {
        bill = Stack.newBill()
        val answer = Stack.asServer("bill", """{"channel":"${channel.word}","billNum":"$bill","totalFee":6800,"subject":"tea"}""").toString()
        charged(Charged.parse(answer.dropLast(1) + ""","channel":"${channel.word}","billNum":"$bill"}"""))
    }
}

@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34], application = TestShop::class)
class ExampleTest {
    private fun toast() = until("a toast") { ShadowToast.getTextOfLatestToast() }

    @Test
    fun `the example offers the wallets, and thanks a payer who has paid`() {
        val shop = RuntimeEnvironment.getApplication() as TestShop
        val page = Robolectric.buildActivity(TeaActivity::class.java).setup().get()
        val buttons = (page.findViewById<ViewGroup>(android.R.id.content).getChildAt(0) as ViewGroup).let { group ->
            (0 until group.childCount).map { group.getChildAt(it) as Button }
        }
        assertEquals(listOf("ALIPAY", "WECHAT", "UNIONPAY"), buttons.map { it.text })
        PayTask.payer = {
            payBill(shop.bill)
            mapOf("resultStatus" to "9000")
        }
        buttons.first().performClick()
        assertEquals("Thank you! Your tea is on its way.", toast())
        assertEquals(6800, runBlocking { client().records(shop.bill).single().totalFee })
        ShadowToast.reset()
        PayTask.payer = { mapOf("resultStatus" to "6001") }
        buttons.first().performClick()
        assertEquals("Not paid. Your cart is as it was.", toast())
        ShadowToast.reset()
        PayTask.payer = { error("of Alipay") }
        buttons.first().performClick()
        assertEquals("This did not work: ali_app: its SDK failed", toast())
    }
}

/** What readers see is what runs. */
class DocumentsTest {
    private fun blocks(page: String) = Regex("```kotlin\n(.*?)```", RegexOption.DOT_MATCHES_ALL).findAll(File(page).readText()).map { it.groupValues[1] }

    @Test
    fun `the guides show pieces of the example`() {
        val example = File("../examples/TeaActivity.kt").readText()
        for (language in listOf("zh", "en")) {
            val pieces = blocks("../../../docs/$language/android.md").filter { !it.startsWith("dependencies") }.toList()
            assertEquals(4, pieces.size)
            for (piece in pieces) assertTrue(piece, example.contains(piece))
        }
        assertTrue(example.lines().size <= 61)
    }

    @Test
    fun `documents name the versions of the build`() {
        val build = File("../pom.xml").readText()
        fun versionOf(tag: String) = Regex("<$tag>(.*?)</$tag>").find(build)!!.groupValues[1]
        for (page in listOf("../README.md", "../README.zh-CN.md", "../../../docs/zh/android.md", "../../../docs/en/android.md")) {
            val dependencies = blocks(page).single { it.startsWith("dependencies") }
            assertTrue(dependencies, dependencies.contains("\"example.maxpay:maxpay-android:${versionOf("version")}\""))
            assertTrue(dependencies, dependencies.contains("\"com.tencent.mm.opensdk:wechat-sdk-android:${versionOf("wechat.version")}\""))
        }
    }
}
