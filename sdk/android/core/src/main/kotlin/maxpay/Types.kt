// What callers give and get. Amounts are fen (1/100 yuan), times are milliseconds since 1970.

package maxpay

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.longOrNull

/** The channels that an app pays by, with the wallet's own SDK. */
public enum class Channel(
    /** As it is written in calls and answers. */
    public val word: String,
) {
    ALIPAY("ali_app"),
    WECHAT("wx_app"),
    UNIONPAY("unipay_app"),
    ;

    public companion object {
        /** The channel of a word, or null where it is another's: a web page's, for example. */
        @JvmStatic
        public fun find(word: String): Channel? = entries.firstOrNull { it.word == word }
    }
}

/** What became of a bill. */
public enum class Status(public val word: String) {
    /** It is open. */
    CREATED("created"),

    /** It is paid, also if a part went back. */
    SUCCESS("success"),

    /** It was paid, and all of it went back. */
    REFUND("refund"),

    /** It can be paid no longer. */
    CLOSED("closed"),
    ;

    public companion object {
        /** The status of a word. A word that this version does not know proves nothing: the bill counts as open. */
        @JvmStatic
        public fun of(word: String): Status = entries.firstOrNull { it.word == word } ?: CREATED
    }
}

/** What is charged. The same charge made twice is one transaction, with fresh parameters for the wallet. */
public data class Charge @JvmOverloads constructor(
    public val channel: Channel,
    /** Your own order number, 1 to 64 characters. */
    public val billNum: String,
    /** In fen: 6800 is 68 yuan. */
    public val totalFee: Long,
    /** What is bought. */
    public val subject: String,
    /** Kept with the bill, and given back in records and webhooks: texts, numbers, booleans, lists and maps with texts as keys. */
    public val extras: Map<String, Any?> = emptyMap(),
    /** After how many seconds the unpaid bill ends, 360 at the least; null is the provider's own time. */
    public val billTimeoutSeconds: Int? = null,
)

/** A bill that was charged, and what the wallet of its channel needs. */
public class Charged internal constructor(
    /** The transaction, 24 hexadecimal digits; null where your server left it out. */
    public val id: String?,
    public val channel: Channel,
    public val billNum: String,
    /** What the wallet's SDK takes. */
    public val order: WalletOrder,
) {
    public companion object {
        /**
         * Reads what your server's `charge` answered. It is what `/2.0/maxpay/bill` answered with `channel` and `billNum` of the charge beside
         * it: `params` of the SDKs for servers.
         */
        @JvmStatic
        public fun parse(json: String): Charged {
            val answer = try {
                Json.parseToJsonElement(json) as? JsonObject
            } catch (_: IllegalArgumentException) {
                null
            } ?: throw InvalidInputException("charged", "must be a JSON object: what your server's charge answered")
            val channel = Channel.find(answer.text("channel").orEmpty())
                ?: throw InvalidInputException("channel", "must be ${Channel.entries.joinToString { it.word }}, beside the answer to the charge")
            val billNum = answer.text("billNum") ?: throw InvalidInputException("billNum", "is needed beside the answer to the charge")
            return read(answer, channel, billNum) { InvalidInputException(it, "is needed for ${channel.word}") }
        }

        internal fun read(answer: JsonObject, channel: Channel, billNum: String, absent: (String) -> MaxPayException): Charged {
            val need = { name: String -> answer.text(name)?.takeIf { it.isNotEmpty() } ?: throw absent(name) }
            val order = when (channel) {
                Channel.ALIPAY -> WalletOrder.Alipay(need("ali_app"))
                Channel.WECHAT -> WalletOrder.Wechat(
                    appId = need("appid"),
                    partnerId = need("partnerid"),
                    prepayId = need("prepayid"),
                    packageValue = need("package"),
                    nonceStr = need("noncestr"),
                    timeStamp = need("timestamp"),
                    sign = need("sign"),
                )
                Channel.UNIONPAY -> WalletOrder.Unionpay(need("tn"))
            }
            return Charged(answer.text("id"), channel, billNum, order)
        }
    }
}

/** What a wallet's SDK takes to ask the payer. */
public sealed class WalletOrder {
    /** The signed order for Alipay's `PayTask`. */
    public class Alipay(public val orderInfo: String) : WalletOrder()

    /** The fields of WeChat's `PayReq`. */
    public class Wechat(
        public val appId: String,
        public val partnerId: String,
        public val prepayId: String,
        public val packageValue: String,
        public val nonceStr: String,
        public val timeStamp: String,
        public val sign: String,
    ) : WalletOrder()

    /** UnionPay's number of the order, for `UPPayAssistEx`. */
    public class Unionpay(public val tn: String) : WalletOrder()
}

/** One transaction of a bill. A bill has one for each channel that it was tried by. */
public class Record internal constructor(
    public val id: String,
    public val billNum: String,
    /** A word, since a bill may also be paid by a web page's channel. */
    public val channel: String,
    public val status: Status,
    public val createdTime: Long,
    /** Null until the payment ends. */
    public val endTime: Long?,
    public val totalFee: Long,
    public val currency: String,
    /** For people, such as `¥ 68.00`. */
    public val money: String,
    public val extras: JsonObject,
    /** The whole object as it came, also what this version does not know. */
    public val raw: JsonObject,
) {
    internal companion object {
        /** Null if a member is absent or of another type. */
        fun read(record: JsonObject): Record? {
            return Record(
                id = record.text("id") ?: return null,
                billNum = record.text("billNum") ?: return null,
                channel = record.text("channel") ?: return null,
                status = Status.of(record.text("status") ?: return null),
                createdTime = record.integer("createdTime") ?: return null,
                endTime = record.integer("endTime"),
                totalFee = record.integer("totalFee") ?: return null,
                currency = record.text("currency") ?: return null,
                money = record.text("money").orEmpty(),
                extras = record["extras"] as? JsonObject ?: JsonObject(emptyMap()),
                raw = record,
            )
        }
    }
}

/** What a wallet says. It is a hint for the next thing to show; only the bill proves anything. */
public enum class WalletWord { SUCCESS, CANCEL, UNKNOWN }

/** A wallet's word, with its own code and words for your logs. */
public data class WalletResult @JvmOverloads constructor(
    public val word: WalletWord,
    public val code: String? = null,
    public val message: String? = null,
)

internal fun JsonObject.text(name: String): String? = (this[name] as? JsonPrimitive)?.takeIf { it.isString }?.content

internal fun JsonObject.integer(name: String): Long? = (this[name] as? JsonPrimitive)?.takeIf { !it.isString }?.longOrNull

/** Deep enough for anything that an app means, and a bound for a map that contains itself. */
private const val DEPTH_MAX = 20

internal fun jsonOf(value: Any?, field: String, depth: Int = 0): JsonElement = when (value) {
    null -> JsonNull
    is JsonElement -> value
    is String -> JsonPrimitive(value)
    is Boolean -> JsonPrimitive(value)
    is Int, is Long, is Short, is Byte -> JsonPrimitive((value as Number).toLong())
    is Double, is Float -> JsonPrimitive((value as Number).toDouble().also { if (!it.isFinite()) throw notJson(field) })
    is Map<*, *> -> {
        if (depth == DEPTH_MAX) throw notJson(field)
        JsonObject(value.entries.associate { (key, inner) -> (key as? String ?: throw notJson(field)) to jsonOf(inner, field, depth + 1) })
    }
    is List<*> -> {
        if (depth == DEPTH_MAX) throw notJson(field)
        JsonArray(value.map { jsonOf(it, field, depth + 1) })
    }
    else -> throw notJson(field)
}

private fun notJson(field: String) =
    InvalidInputException(field, "must be texts, finite numbers, booleans, null, lists and maps with texts as keys, $DEPTH_MAX deep at the most")
