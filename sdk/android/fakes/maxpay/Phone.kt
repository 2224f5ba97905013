// A phone whose payer does what a test says. What WeChat answers goes through its own SDK.

package maxpay

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.os.Looper
import com.tencent.mm.opensdk.modelbase.BaseReq
import com.tencent.mm.opensdk.modelpay.PayReq
import com.tencent.mm.opensdk.modelpay.PayResp
import com.tencent.mm.opensdk.openapi.IWXAPI
import com.tencent.mm.opensdk.openapi.WXAPIFactory
import com.unionpay.UPPayAssistEx
import java.util.concurrent.CopyOnWriteArrayList
import kotlinx.coroutines.runBlocking
import maxpay.android.UnionpayActivity
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController

/** WeChat's own SDK, but for what asks whether WeChat is installed, and opens it. */
class Wechat(real: IWXAPI = WXAPIFactory.createWXAPI(RuntimeEnvironment.getApplication(), null, false)) : IWXAPI by real {
    var isInstalled = true
    val sent = CopyOnWriteArrayList<PayReq>()

    override fun isWXAppInstalled() = isInstalled

    override fun getWXAppSupportAPI() = Int.MAX_VALUE

    override fun registerApp(appId: String?) = !appId.isNullOrEmpty()

    override fun sendReq(request: BaseReq): Boolean {
        check(request.checkArgs()) { "WeChat's SDK would not send it" }
        if (isInstalled) sent.add(request as PayReq)
        return isInstalled
    }

    /** What WeChat starts the app's `WXPayEntryActivity` with. */
    fun answer(errCode: Int, prepayId: String?): Intent {
        val said = PayResp()
        said.errCode = errCode
        said.prepayId = prepayId
        val content = "weixin://sendresp"
        val version = com.tencent.mm.opensdk.constants.Build.SDK_INT
        val sender = "com.tencent.mm"
        return Intent().putExtras(Bundle().also(said::toBundle))
            .putExtra("wx_token_key", "com.tencent.mm.openapi.token")
            .putExtra("_mmessage_content", content)
            .putExtra("_mmessage_sdkVersion", version)
            .putExtra("_mmessage_appPackage", sender)
            .putExtra("_mmessage_checksum", com.tencent.mm.opensdk.channel.a.b.a(content, version, sender))
    }
}

/** Lets the main thread work until there is a value, a minute at the most. */
fun <Value : Any> until(what: String, find: () -> Value?): Value {
    val end = System.nanoTime() + 60_000_000_000
    while (System.nanoTime() < end) {
        shadowOf(Looper.getMainLooper()).idle()
        find()?.let { return it }
        Thread.sleep(5)
    }
    throw AssertionError("waited in vain: $what")
}

/** Pays a bill at its provider, whichever channel it was charged on. */
fun payBill(billNum: String) {
    val record = runBlocking { client().records(billNum).first() }
    Stack.pay(Channel.find(record.channel)!!, record.id)
}

/** Has the app start the activity that UnionPay's result comes to, as Android would. */
fun <Page : UnionpayActivity> unionpayPage(page: Class<Page>): ActivityController<Page> {
    val started = until("UnionPay's activity") {
        shadowOf(RuntimeEnvironment.getApplication()).nextStartedActivity?.takeIf { it.component?.className == page.name }
    }
    return Robolectric.buildActivity(page, started).setup()
}

/** UnionPay's page ends. */
fun unionpaySays(activity: Activity, result: String?) =
    shadowOf(activity).receiveResult(UPPayAssistEx.page(activity), Activity.RESULT_OK, result?.let { Intent().putExtra("pay_result", it) })
