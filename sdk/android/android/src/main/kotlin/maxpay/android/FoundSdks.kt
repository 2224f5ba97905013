// Finds the SDKs of Alipay and UnionPay in the app by their names, for apps that put the archives in and nothing more. META-INF/proguard of
// this package keeps those names from being changed.

package maxpay.android

import android.app.Activity
import android.content.Context
import java.lang.reflect.InvocationTargetException

/** Alipay's SDK if it is in the app. */
public fun findAlipay(): AlipaySdk? {
    val task = find("com.alipay.sdk.app.PayTask") ?: return null
    val make = task.getConstructor(Activity::class.java)
    val pay = task.getMethod("payV2", String::class.java, Boolean::class.javaPrimitiveType)
    return AlipaySdk { activity, order ->
        val answer = unwrapped { pay.invoke(make.newInstance(activity), order, true) } as? Map<*, *>
        answer.orEmpty().entries.associate { (name, value) -> name.toString() to value.toString() }
    }
}

/** UnionPay's SDK if it is in the app. Its versions differ in whether the first parameter is an activity or any context. */
public fun findUnionpay(): UnionpaySdk? {
    val assistant = find("com.unionpay.UPPayAssistEx") ?: return null
    val text = String::class.java
    val start = listOf(Activity::class.java, Context::class.java).firstNotNullOf { first ->
        runCatching { assistant.getMethod("startPay", first, text, text, text, text) }.getOrNull()
    }
    return UnionpaySdk { activity, tn, mode -> unwrapped { start.invoke(null, activity, null, null, tn, mode) } }
}

private fun find(name: String): Class<*>? = try {
    Class.forName(name)
} catch (_: ClassNotFoundException) {
    null
}

/** Throws what the SDK threw, and not that it was called by name. */
private fun unwrapped(call: () -> Any?): Any? = try {
    call()
} catch (error: InvocationTargetException) {
    throw error.targetException
}
