package com.maxleap

import maxpay.Charge

/** What is paid, as the original has it. */
public class MLPayParam {
    /** The original's names. */
    public enum class Channel(private val word: String) {
        ALIPAY_APP("ali_app"),
        WECHAT_APP("wx_app"),
        UNION_APP("unipay_app"),

        /** The only wallet that the app has. */
        AUTOMATIC(""),
        ;

        /** The name on the wire. */
        public fun get(): String = word
    }

    /** Null is [Channel.AUTOMATIC]. */
    public var channel: Channel? = null
    public var subject: String? = null

    /** In fen. */
    public var totalFee: Int = 0
    public var billNum: String? = null

    /** In seconds, 360 at the least. */
    public var billTimeout: Int? = null
    public var extras: Map<String, String?>? = null

    /** Kept and never sent, as in the original: everything is in yuan. */
    public var currency: String? = null

    internal fun toCharge(channel: maxpay.Channel) =
        Charge(channel, billNum.orEmpty(), totalFee.toLong(), subject.orEmpty(), extras.orEmpty(), billTimeout)
}
