package com.maxleap

import android.content.Context
import android.content.pm.PackageManager
import maxpay.MaxPay

/** The entry of the original SDK. Where the gateway is comes from the app's manifest: `<meta-data android:name="maxpay.url" ...>`. */
public object MaxLeap {
    /** The original had one service in China and one elsewhere; now the address alone decides. */
    public const val REGION_CN: String = "cn"
    public const val REGION_US: String = "us"

    /** The original's bound. */
    private const val TIMEOUT_MS = 20_000
    private const val URL = "maxpay.url"

    @Volatile
    private var client: MaxPay? = null

    /** Throws [maxpay.InvalidInputException] for an address, an app id or a key that cannot be one, and for a master key. */
    @JvmStatic
    @JvmOverloads
    @Suppress("UNUSED_PARAMETER")
    public fun initialize(context: Context, appId: String, clientKey: String, region: String = REGION_CN) {
        client = MaxPay(urlOf(context), appId, clientKey, timeoutMs = TIMEOUT_MS)
    }

    internal fun client(): MaxPay = client ?: throw IllegalStateException("call MaxLeap.initialize before anything else, as in onCreate of the application")

    private fun urlOf(context: Context): String {
        val info = context.packageManager.getApplicationInfo(context.packageName, PackageManager.GET_META_DATA)
        return info.metaData?.getString(URL)
            ?: throw IllegalStateException("the manifest's application has no meta-data $URL: the address of your gateway")
    }
}
