// The client of one app on a payer's device: it charges, and asks what became of a bill. It knows no call that needs the master key.

package maxpay

import java.util.concurrent.Executor
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive

/**
 * Calls a gateway as one app. Any number of threads may use it. Give either [clientKey] or [sessionToken].
 *
 * Who has the app can read its key, and charge with it at any price: let your server charge, or compare what was paid with the order.
 */
public class MaxPay @JvmOverloads constructor(
    /** Where your gateway is, such as `https://pay.example.com`. */
    url: String,
    /** 24 lower-case hexadecimal digits. */
    appId: String,
    /** The app's public key, which may charge, and ask by `billNum`. */
    clientKey: String? = null,
    /** Made by your server's `session`: the rights of the client key, for a time. */
    sessionToken: String? = null,
    /** How long one try may take from connecting to the last byte. */
    timeoutMs: Int = 10_000,
    /** How often a call is repeated after a lost connection, HTTP 5xx or 429. */
    retries: Int = 2,
) : Ask {
    private val transport = Transport(url, headersOf(appId, clientKey, sessionToken), timeoutMs, retries)

    /** Charges a bill. The same charge made twice is one transaction, so a charge whose end is unknown can be made again. */
    public suspend fun charge(charge: Charge): Charged {
        if (charge.totalFee < 1) throw InvalidInputException("totalFee", "must be an integer of fen from 1, found ${charge.totalFee}")
        val fields = mutableMapOf<String, Any?>(
            "channel" to charge.channel.word,
            "billNum" to charge.billNum,
            "totalFee" to charge.totalFee,
            "subject" to charge.subject,
        )
        if (charge.extras.isNotEmpty()) fields["extras"] = jsonOf(charge.extras, "extras")
        charge.billTimeoutSeconds?.let { fields["billTimeout"] = it }
        val answer = transport.call("bill", jsonOf(fields, "charge") as JsonObject)
        return Charged.read(answer, charge.channel, charge.billNum) {
            UnexpectedAnswerException("bill: an answer for ${charge.channel.word} without $it", HTTP_OK)
        }
    }

    /** The transactions of a bill, the newest first: one for each channel that it was tried by. [channel] may be a family, such as `ali`. */
    @JvmOverloads
    public suspend fun records(billNum: String, channel: String? = null): List<Record> {
        if (billNum.isEmpty()) throw InvalidInputException("billNum", "must not be empty")
        val fields = mutableMapOf("billNum" to JsonPrimitive(billNum), "limit" to JsonPrimitive(RECORDS_MAX))
        if (!channel.isNullOrEmpty()) fields["channel"] = JsonPrimitive(channel)
        val results = transport.call("records", JsonObject(fields))["results"] as? JsonArray
        val records = results?.map { (it as? JsonObject)?.let(Record::read) }
        if (records == null || records.contains(null)) throw UnexpectedAnswerException("records: an answer without a list of records", HTTP_OK)
        return records.filterNotNull()
    }

    /** What the bill is by all of its transactions. */
    override suspend fun statusOf(billNum: String): Status = statusOf(records(billNum))

    /** [charge] for code without coroutines. The callback runs on [executor]; cancel by what this gives. */
    @JvmOverloads
    public fun charge(charge: Charge, callback: Callback<Charged>, executor: Executor = Executor { it.run() }): Cancelable =
        inBackground(executor, callback) { charge(charge) }

    /** [records] for code without coroutines. */
    @JvmOverloads
    public fun records(billNum: String, channel: String?, callback: Callback<List<Record>>, executor: Executor = Executor { it.run() }): Cancelable =
        inBackground(executor, callback) { records(billNum, channel) }

    /** Shows no key. */
    override fun toString(): String = "MaxPay"
}

/** A gateway gives this many records at once at the most, and no bill has as many. */
private const val RECORDS_MAX = 100
private const val HTTP_OK = 200

/** A bill paid by one of its transactions is paid. It is closed if none of them can be paid any longer. */
internal fun statusOf(records: List<Record>): Status {
    val found = records.map { it.status }
    return listOf(Status.SUCCESS, Status.REFUND, Status.CREATED).firstOrNull { it in found }
        ?: if (found.isEmpty()) Status.CREATED else Status.CLOSED
}

private val APP_ID = Regex("[0-9a-f]{24}")
private val VISIBLE = Regex("[!-~]+")

/** A master key is 43 characters long, and a client key 24. */
private val MASTER_KEY = Regex("[A-Za-z0-9_-]{43}")

private fun headersOf(appId: String, clientKey: String?, sessionToken: String?): Map<String, String> {
    if (!APP_ID.matches(appId)) throw InvalidInputException("appId", "must be 24 lower-case hexadecimal digits")
    if ((clientKey == null) == (sessionToken == null)) throw InvalidInputException("clientKey", "or sessionToken must be given, one of the two")
    val field = if (clientKey != null) "clientKey" else "sessionToken"
    val key = clientKey ?: sessionToken.orEmpty()
    if (!VISIBLE.matches(key)) throw InvalidInputException(field, "must be of visible ASCII characters")
    if (MASTER_KEY.matches(key)) {
        throw InvalidInputException(field, "must not be a master key in an app, where everybody can read it: use it on your server, and rotate it now")
    }
    return mapOf(
        "Content-Type" to "application/json",
        "User-Agent" to "maxpay-android/$VERSION",
        "X-ML-AppId" to appId,
        (if (clientKey != null) "X-ML-APIKey" else "X-ML-Session-Token") to key,
    )
}
