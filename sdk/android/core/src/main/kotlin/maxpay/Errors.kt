// Every way in which a call can fail. None of them holds a key.

package maxpay

/** The parent of every error of this package. */
public sealed class MaxPayException(message: String, cause: Throwable? = null) : RuntimeException(message, cause)

/** Refused here, before anything was sent. [field] is the one that is wrong. */
public class InvalidInputException(public val field: String, expected: String) : MaxPayException("$field $expected")

/** No answer came: the network, or the time. What became of the call is unknown; the same call can be made again. */
public class ConnectionException(message: String, cause: Throwable? = null) : MaxPayException(message, cause)

/** Something else than MaxPay answered, such as a page of a proxy. [status] is the HTTP status. */
public class UnexpectedAnswerException(message: String, public val status: Int) : MaxPayException(message)

/** The wallet could not be opened, so nothing was asked of the payer: it is not installed, or its SDK is not in the app. */
public class WalletException(public val channel: Channel, problem: String, cause: Throwable? = null) :
    MaxPayException("${channel.word}: $problem", cause)

/** MaxPay answered with a code other than 0. */
public class ApiException(
    /** The number of the code, also one that this version does not know. */
    public val number: Int,
    /** The name of the code, such as `PARAM_INVALID`. */
    public val msg: String,
    /** What is wrong, with the field and what was expected. */
    public val err: String,
    /** The HTTP status: 200, but for an outage. */
    public val status: Int,
    /** By which the operator finds the call in the logs, where the gateway gives one. */
    public val requestId: String?,
) : MaxPayException("$number $msg: $err") {
    /** For a `when`. */
    public val code: ApiCode = ApiCode.entries.firstOrNull { it.number == number } ?: ApiCode.OTHER
}

/** What MaxPay refuses by. */
public enum class ApiCode(internal val number: Int) {
    /** There is no such app, or the key does not fit it. */
    APP_INVALID(1),

    /** The app has no settings for that channel. */
    PAY_FACTOR_NOT_SET(2),

    /** There is no such channel. */
    CHANNEL_INVALID(3),

    /** A required field is absent. */
    MISS_PARAM(4),

    /** A field is wrong; or the bill is paid, or open with another fee or subject. */
    PARAM_INVALID(5),

    /** A stored key or certificate cannot be used. */
    CERT_FILE_ERROR(6),

    /** The provider refused or did not answer. The same charge can be made again. */
    CHANNEL_ERROR(7),

    /** A fault of the gateway's own, after the retries. */
    RUN_TIME_ERROR(14),

    /** A code that a newer gateway has. */
    OTHER(-1),
}
