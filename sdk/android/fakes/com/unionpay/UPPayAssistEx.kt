// Stands in for UnionPay's archive, under its name. A test gives the result to the activity that it is called with.

package com.unionpay

import android.app.Activity
import android.content.Context
import android.content.Intent
import java.util.concurrent.CopyOnWriteArrayList

@Suppress("UNUSED_PARAMETER")
object UPPayAssistEx {
    val started = CopyOnWriteArrayList<String>()

    @JvmStatic
    fun startPay(context: Context, spId: String?, provider: String?, tn: String, mode: String): Int {
        check(spId == null && provider == null)
        started.add("$tn $mode")
        (context as Activity).startActivityForResult(page(context), REQUEST)
        return 0
    }

    fun page(context: Context): Intent = Intent().setClassName(context, "com.unionpay.uppay.PayActivity")

    private const val REQUEST = 10
}
