// Stands in for Alipay's archive, under its name: the payer does what a test says.

package com.alipay.sdk.app

import android.app.Activity
import java.util.concurrent.CopyOnWriteArrayList

@Suppress("unused", "UNUSED_PARAMETER")
class PayTask(activity: Activity) {
    fun payV2(order: String, showsLoading: Boolean): Map<String, String> {
        orders.add(order)
        check(showsLoading && !Thread.currentThread().name.contains("main", ignoreCase = true)) { "the real one blocks" }
        return payer()
    }

    companion object {
        @Volatile
        var payer: () -> Map<String, String> = { error("nobody pays") }
        val orders = CopyOnWriteArrayList<String>()
    }
}
