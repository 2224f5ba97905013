// The native module of the React Native SDK on Android: it hands everything to the wallets of the Android SDK.

package maxpay.reactnative

import android.app.Activity
import com.facebook.react.bridge.Arguments
import com.facebook.react.bridge.Promise
import com.facebook.react.bridge.ReactApplicationContext
import com.facebook.react.bridge.ReadableMap
import com.tencent.mm.opensdk.openapi.IWXAPI
import com.tencent.mm.opensdk.openapi.WXAPIFactory
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.launch
import maxpay.Channel
import maxpay.Charged
import maxpay.android.Wallets
import org.json.JSONObject

class MaxPayWalletsModule(context: ReactApplicationContext) : NativeMaxPayWalletsSpec(context) {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.Main)
    private var wechat: IWXAPI? = null

    override fun setUpWechat(settings: ReadableMap, promise: Promise) = answer(promise) {
        val appId = settings.getString("appId")
        val api = WXAPIFactory.createWXAPI(reactApplicationContext, appId, true)
        wechat = api
        api.registerApp(appId)
    }

    override fun isAvailable(channel: String, promise: Promise) = answer(promise) {
        Channel.find(channel)?.let { wallets(isTest = false).of(it, activity()).isAvailable } ?: false
    }

    override fun handOver(charged: ReadableMap, options: ReadableMap, promise: Promise) = answer(promise) {
        val order = Charged.parse(JSONObject(charged.toHashMap()).toString())
        val said = wallets(isTest = options.getString("mode") == "test").of(order.channel, activity()).open(order)
        val detail = Arguments.createMap().apply {
            putString("code", said.code)
            putString("message", said.message)
        }
        Arguments.createMap().apply {
            putString("word", said.word.name.lowercase())
            putMap("detail", detail)
        }
    }

    override fun invalidate() {
        scope.cancel()
        super.invalidate()
    }

    /** Alipay's and UnionPay's SDKs are found where the app has them. */
    private fun wallets(isTest: Boolean) = Wallets(wechat = wechat, isUnionpayTest = isTest)

    private fun activity(): Activity = checkNotNull(reactApplicationContext.currentActivity) { "no activity is in front" }

    private fun answer(promise: Promise, work: suspend () -> Any) {
        scope.launch {
            try {
                promise.resolve(work())
            } catch (ended: CancellationException) {
                promise.reject("MaxPay", "the app's React instance ended", ended)
                throw ended
            } catch (trouble: Exception) {
                promise.reject("MaxPay", trouble.message, trouble)
            }
        }
    }
}
