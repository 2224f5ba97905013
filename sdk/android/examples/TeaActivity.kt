// A shop's page: it offers the wallets that are on the phone, and has one bill paid. The server charges, so the price is its own.

package shop

import android.app.Activity
import android.app.Application
import android.os.Bundle
import android.view.View
import android.widget.Button
import android.widget.LinearLayout
import android.widget.Toast
import com.tencent.mm.opensdk.openapi.WXAPIFactory
import maxpay.Callback
import maxpay.Channel
import maxpay.Charged
import maxpay.MaxPay
import maxpay.Outcome
import maxpay.WalletWord
import maxpay.android.Payments
import maxpay.android.Wallets
import maxpay.android.WechatEntryActivity

open class TeaShop : Application() {
    // The client key may charge, and ask by an order's number. A master key is refused in an app.
    open val maxpay by lazy { MaxPay("https://pay.example.com", "568a12086e912100017722e5", clientKey = "...") }
    open val wallets by lazy { Wallets(WXAPIFactory.createWXAPI(this, "wx...", true)) }
    val payments by lazy { Payments(this, wallets, maxpay) }

    /** POST /orders on the shop's server, which calls `charge` of its MaxPay SDK and answers `params`. */
    open fun order(channel: Channel, charged: (Charged) -> Unit): Unit = TODO("with the app's own HTTP client: charged(Charged.parse(answer))")
}

open class TeaActivity : Activity(), Callback<Outcome> {
    private val shop get() = application as TeaShop

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        val page = LinearLayout(this).apply { orientation = LinearLayout.VERTICAL }
        for (channel in shop.payments.channels(this)) page.addView(button(channel))
        setContentView(page)
    }

    private fun button(channel: Channel): View = Button(this).apply {
        text = channel.name
        setOnClickListener { shop.order(channel) { shop.payments.pay(this@TeaActivity, it, this@TeaActivity) } }
    }

    override fun done(value: Outcome) = say(when (value.result) {
        WalletWord.SUCCESS -> "Thank you! Your tea is on its way."
        WalletWord.CANCEL -> "Not paid. Your cart is as it was."
        WalletWord.UNKNOWN -> "We have not heard of your payment yet. See your orders in a moment."
    })

    override fun failed(error: Exception) = say("This did not work: ${error.message}")

    private fun say(text: String) = Toast.makeText(this, text, Toast.LENGTH_LONG).show()
}

/** In the app it is `<applicationId>.wxapi.WXPayEntryActivity`, exported in the manifest: WeChat starts it with its answer. */
class WXPayEntryActivity : WechatEntryActivity()
