// One call that has a bill paid: it opens the wallet, and then asks until the bill says what became of it.

package maxpay

import java.util.Collections

/** Opens one wallet, and gives its word. */
public interface Wallet {
    public val channel: Channel

    /** Whether the payer can use it here: its SDK is in the app, and its app is on the device where that is needed. */
    public val isAvailable: Boolean

    /** Has the payer asked. Throws [MaxPayException] if the wallet cannot be opened. */
    public suspend fun open(charged: Charged): WalletResult
}

/** How a payment ended, as far as it is known. */
public data class Outcome(
    public val billNum: String,
    /** What the bill says: the one thing to believe. [Status.CREATED] is an open one: the payer left, or the time is over. */
    public val status: Status,
    /** What the wallet said: good for the next thing to show, and no proof. */
    public val wallet: WalletResult,
) {
    /** For the page that the payer sees. Deliver by your server's webhook. */
    public val result: WalletWord
        get() = when (status) {
            Status.SUCCESS -> WalletWord.SUCCESS
            Status.CREATED -> if (wallet.word == WalletWord.CANCEL) WalletWord.CANCEL else WalletWord.UNKNOWN
            // Nothing is to be delivered.
            Status.CLOSED, Status.REFUND -> WalletWord.CANCEL
        }
}

/** Bills that a wallet was opened for and whose end was not heard: the app may be killed while the payer is in the wallet. */
public interface OpenBills {
    public fun add(billNum: String)

    public fun remove(billNum: String)

    public fun all(): List<String>

    /** Keeps them as long as the process lives. */
    public class InMemory : OpenBills {
        private val bills: MutableSet<String> = Collections.synchronizedSet(LinkedHashSet())

        override fun add(billNum: String) {
            bills.add(billNum)
        }

        override fun remove(billNum: String) {
            bills.remove(billNum)
        }

        override fun all(): List<String> = synchronized(bills) { bills.toList() }
    }
}

/** How long a bill is looked at that the payer cancelled. */
private const val CANCELLED_MS = 2000L

/** Has bills paid. One is enough for a process. */
public class Cashier @JvmOverloads constructor(
    /** Asked what became of a bill: a [MaxPay], or your own server. */
    private val ask: Ask,
    private val openBills: OpenBills = OpenBills.InMemory(),
) {
    private val underWay: MutableSet<String> = Collections.synchronizedSet(HashSet())

    /** Charges with [client] and has it paid. If the bill is paid already, nothing is charged and no wallet is opened. */
    @JvmOverloads
    public suspend fun pay(client: MaxPay, charge: Charge, wallet: Wallet, waitMs: Long = WAIT_MS): Outcome = alone(charge.billNum) {
        val charged = try {
            client.charge(charge)
        } catch (error: ApiException) {
            // So a payment whose end was not heard can be tried again: the gateway refuses to charge a bill that is paid.
            if (error.code != ApiCode.PARAM_INVALID || client.statusOf(charge.billNum) != Status.SUCCESS) throw error
            return@alone paidBefore(charge.billNum)
        }
        open(charged, wallet, waitMs)
    }

    /** Has it paid what your server charged: see [Charged.parse]. */
    @JvmOverloads
    public suspend fun pay(charged: Charged, wallet: Wallet, waitMs: Long = WAIT_MS): Outcome =
        alone(charged.billNum) { open(charged, wallet, waitMs) }

    /**
     * The bills whose end was not heard, because the app was killed while the payer was in the wallet, for example. Ask at the start of the app.
     * Those that are settled are forgotten then; the open ones are given again next time.
     */
    public suspend fun unfinished(): List<Outcome> = openBills.all().filter { it !in underWay }.map { billNum ->
        val status = ask.statusOf(billNum)
        if (status != Status.CREATED) openBills.remove(billNum)
        Outcome(billNum, status, WalletResult(WalletWord.UNKNOWN))
    }

    private suspend fun open(charged: Charged, wallet: Wallet, waitMs: Long): Outcome {
        if (wallet.channel != charged.channel) {
            throw InvalidInputException("wallet", "must be the one of ${charged.channel.word}, found ${wallet.channel.word}")
        }
        openBills.add(charged.billNum)
        val word = try {
            wallet.open(charged)
        } catch (error: MaxPayException) {
            // It was not opened.
            openBills.remove(charged.billNum)
            throw error
        }
        val wait = if (word.word == WalletWord.CANCEL) minOf(waitMs, CANCELLED_MS) else waitMs
        val status = ask.untilSettled(charged.billNum, wait)
        if (status != Status.CREATED) openBills.remove(charged.billNum)
        return Outcome(charged.billNum, status, word)
    }

    private fun paidBefore(billNum: String): Outcome {
        openBills.remove(billNum)
        return Outcome(billNum, Status.SUCCESS, WalletResult(WalletWord.UNKNOWN, message = "it was paid before"))
    }

    /** A second tap on the button opens no second wallet. */
    private suspend fun alone(billNum: String, pay: suspend () -> Outcome): Outcome {
        if (!underWay.add(billNum)) throw InvalidInputException("billNum", "is being paid already")
        try {
            return pay()
        } finally {
            underWay.remove(billNum)
        }
    }
}

/** The channels that the payer can use here, in the order of [wallets]. */
public fun channelsOf(wallets: List<Wallet>): List<Channel> = wallets.filter { it.isAvailable }.map { it.channel }
