// The activities that the manifests of the original's apps name.

package com.maxleap

import maxpay.android.UnionpayActivity
import maxpay.android.WechatEntryActivity

/** UnionPay's result comes here. */
public class MLUnionPaymentActivity : UnionpayActivity()

/** WeChat's answer comes here, by an `activity-alias` called `wxapi.WXPayEntryActivity`. */
public class MLWechatPayEntryActivity : WechatEntryActivity()
