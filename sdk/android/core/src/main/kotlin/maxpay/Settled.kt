// Asking what became of a bill, until it says so.

package maxpay

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.delay
import kotlinx.coroutines.withTimeoutOrNull

/** Says what became of a bill: [MaxPay] asks the gateway; your own server can be asked in its place. */
public fun interface Ask {
    public suspend fun statusOf(billNum: String): Status
}

/** How long it is asked if nothing else is said: five minutes. */
public const val WAIT_MS: Long = 300_000

/** A day. */
public const val WAIT_MS_MAX: Long = 86_400_000
private const val FIRST_PAUSE_MS = 1000L
private const val PAUSE_MS_MAX = 5000L
private const val PAUSE_GROWTH = 1.3

/** So often in a row the network may be gone, as when the payer comes back from a wallet. */
private const val FAILURES_MAX = 8

/**
 * Asks until the bill is not [Status.CREATED] any longer, and gives its status: `CREATED` where it is still open after [waitMs]. An error that
 * does not pass by itself ends it at once.
 */
@JvmOverloads
public suspend fun Ask.untilSettled(billNum: String, waitMs: Long = WAIT_MS): Status {
    if (waitMs !in 0..WAIT_MS_MAX) throw InvalidInputException("waitMs", "must be from 0 to $WAIT_MS_MAX")
    // A wait of 0 asks once, too.
    if (waitMs == 0L) return statusOf(billNum)
    return withTimeoutOrNull(waitMs) { askAgain(billNum) } ?: Status.CREATED
}

private suspend fun Ask.askAgain(billNum: String): Status {
    var failures = 0
    var pause = FIRST_PAUSE_MS
    while (true) {
        val status = try {
            statusOf(billNum).also { failures = 0 }
        } catch (error: CancellationException) {
            throw error
        } catch (error: Exception) {
            failures += 1
            if (!passesByItself(error) || failures > FAILURES_MAX) throw error
            Status.CREATED
        }
        if (status != Status.CREATED) return status
        delay(pause)
        pause = (pause * PAUSE_GROWTH).toLong().coerceAtMost(PAUSE_MS_MAX)
    }
}

/** An [Ask] of your own tells of a lost network by an IOException. */
private fun passesByItself(error: Exception) = mayPass(error) || error is java.io.IOException
