package com.maxleap

import maxpay.Record
import org.json.JSONArray
import org.json.JSONObject

/** A transaction of a bill, as the original has it. */
public class MLOrder internal constructor(record: Record) {
    public val id: String = record.id
    public val billNum: String = record.billNum

    /** The word of a channel, such as `ali_app`. */
    public val channel: String = record.channel

    /** `created`, `success`, `refund` or `closed`. */
    public val status: String = record.status.word
    public val createdTime: Long = record.createdTime

    /** 0 until the payment ends. */
    public val endTime: Long = record.endTime ?: 0

    /** In fen. A bill of more than `Int` holds shows the most that it holds. */
    public val totalFee: Int = record.totalFee.coerceAtMost(Int.MAX_VALUE.toLong()).toInt()
    public val currency: String = record.currency
    public val money: String = record.money
    public val extras: Map<String, String> = record.extras.mapValues { (_, value) ->
        (value as? kotlinx.serialization.json.JsonPrimitive)?.content ?: value.toString()
    }
    private val json = record.raw.toString()

    override fun toString(): String = json

    public companion object {
        /** The orders as the gateway gave them. */
        @JvmStatic
        public fun toJSONArray(orders: List<MLOrder>): JSONArray = JSONArray(orders.map { JSONObject(it.json) })
    }
}
