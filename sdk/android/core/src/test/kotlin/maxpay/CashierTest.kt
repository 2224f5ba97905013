package maxpay

import java.io.IOException
import java.util.concurrent.atomic.AtomicInteger
import kotlin.system.measureTimeMillis
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test

class CashierTest {
    private val client = client()
    private val openBills = OpenBills.InMemory()
    private val cashier = Cashier(client, openBills)

    /** A wallet whose payer does what [payer] says. */
    private class Played(override val channel: Channel, private val payer: suspend (Charged) -> WalletWord) : Wallet {
        override val isAvailable = true
        val opened = AtomicInteger()

        override suspend fun open(charged: Charged): WalletResult {
            opened.incrementAndGet()
            return WalletResult(payer(charged))
        }
    }

    private fun pays(channel: Channel, word: WalletWord) = Played(channel) {
        Stack.pay(channel, it.id!!)
        word
    }

    @Test
    fun `a payment ends with what the bill says, whatever the wallet says`(): Unit = runBlocking {
        for (channel in Channel.entries) {
            for (word in WalletWord.entries) {
                val outcome = cashier.pay(client, Stack.charge(channel), pays(channel, word))
                assertEquals(Status.SUCCESS, outcome.status)
                assertEquals(word, outcome.wallet.word)
                assertEquals(WalletWord.SUCCESS, outcome.result)
            }
        }
        assertEquals(emptyList<String>(), openBills.all())
    }

    @Test
    fun `a wallet that says paid and lies pays nothing`(): Unit = runBlocking {
        val outcome = cashier.pay(client, Stack.charge(Channel.ALIPAY), Played(Channel.ALIPAY) { WalletWord.SUCCESS }, waitMs = 1500)
        assertEquals(Status.CREATED, outcome.status)
        assertEquals(WalletWord.UNKNOWN, outcome.result)
        assertEquals(listOf(outcome.billNum), openBills.all())
    }

    @Test
    fun `a payer who cancels waits for seconds and not for minutes, and may try again`(): Unit = runBlocking {
        val charge = Stack.charge(Channel.WECHAT)
        lateinit var outcome: Outcome
        val took = measureTimeMillis { outcome = cashier.pay(client, charge, Played(Channel.WECHAT) { WalletWord.CANCEL }) }
        assertEquals(WalletWord.CANCEL, outcome.result)
        assertEquals(Status.CREATED, outcome.status)
        assertTrue("$took", took < 6000)
        assertEquals(WalletWord.SUCCESS, cashier.pay(client, charge, pays(Channel.WECHAT, WalletWord.SUCCESS)).result)
        assertEquals(1, client.records(charge.billNum).size)
    }

    @Test
    fun `a bill that is paid opens no wallet again`(): Unit = runBlocking {
        val charge = Stack.charge(Channel.UNIONPAY)
        cashier.pay(client, charge, pays(Channel.UNIONPAY, WalletWord.UNKNOWN))
        val again = pays(Channel.UNIONPAY, WalletWord.SUCCESS)
        assertEquals(WalletWord.SUCCESS, cashier.pay(client, charge, again).result)
        assertEquals(0, again.opened.get())
        // The same order number with another price is a mistake as long as the bill is open.
        val open = Stack.charge(Channel.UNIONPAY)
        client.charge(open)
        assertEquals(ApiCode.PARAM_INVALID, fails<ApiException> { cashier.pay(client, open.copy(totalFee = 1), again) }.code)
    }

    @Test
    fun `what the server charged is paid`(): Unit = runBlocking {
        val bill = Stack.newBill()
        val answer = Stack.asServer("bill", """{"channel":"ali_app","billNum":"$bill","totalFee":9900,"subject":"tea"}""").toString()
        val charged = Charged.parse(answer.dropLast(1) + ""","channel":"ali_app","billNum":"$bill"}""")
        assertEquals(WalletWord.SUCCESS, cashier.pay(charged, pays(Channel.ALIPAY, WalletWord.UNKNOWN)).result)
    }

    @Test
    fun `a second tap opens no second wallet`(): Unit = runBlocking {
        val charge = Stack.charge(Channel.ALIPAY)
        val slow = Played(Channel.ALIPAY) {
            delay(1000)
            WalletWord.CANCEL
        }
        val first = async { cashier.pay(client, charge, slow) }
        while (slow.opened.get() == 0) delay(10)
        isInvalid("billNum") { cashier.pay(client, charge, slow) }
        first.await()
        assertEquals(1, slow.opened.get())
    }

    @Test
    fun `a bill whose payer was in the wallet when the app ended is asked for later`(): Unit = runBlocking {
        val charge = Stack.charge(Channel.WECHAT)
        val away = Played(Channel.WECHAT) { awaitCancellation() }
        val payment = async { cashier.pay(client, charge, away) }
        while (away.opened.get() == 0) delay(10)
        assertEquals("it is under way", emptyList<Outcome>(), cashier.unfinished())
        payment.cancel()
        payment.join()
        // The next process has the same open bills and nothing else.
        val next = Cashier(client, openBills)
        assertEquals(listOf(charge.billNum to Status.CREATED), next.unfinished().map { it.billNum to it.status })
        Stack.pay(Channel.WECHAT, client.records(charge.billNum).single().id)
        assertEquals(Status.SUCCESS, client.untilSettled(charge.billNum))
        assertEquals(listOf(WalletWord.SUCCESS), next.unfinished().map { it.result })
        assertEquals(emptyList<Outcome>(), next.unfinished())
    }

    @Test
    fun `a wallet that cannot be opened is an error, and leaves nothing open`() {
        val broken = Played(Channel.ALIPAY) { throw InvalidInputException("wallet", "is not there") }
        isInvalid("wallet") { cashier.pay(client, Stack.charge(Channel.ALIPAY), broken) }
        isInvalid("wallet") { cashier.pay(client, Stack.charge(Channel.WECHAT), broken) }
        assertEquals(emptyList<String>(), openBills.all())
    }

    @Test
    fun `the channels offered are those of the wallets that can be used`() {
        val wechat = object : Wallet by Played(Channel.WECHAT, { WalletWord.UNKNOWN }) {
            override val isAvailable = false
        }
        val wallets = listOf(Played(Channel.UNIONPAY) { WalletWord.UNKNOWN }, wechat, Played(Channel.ALIPAY) { WalletWord.UNKNOWN })
        assertEquals(listOf(Channel.UNIONPAY, Channel.ALIPAY), channelsOf(wallets))
    }

    @Test
    fun `asking bears a lost network for a while, and no other error`(): Unit = runBlocking {
        val asked = AtomicInteger()
        val lost = Ask { if (asked.incrementAndGet() < 3) throw IOException("no network") else Status.SUCCESS }
        assertEquals(Status.SUCCESS, lost.untilSettled("1"))
        asked.set(0)
        val wrong = Ask { asked.incrementAndGet(); throw IllegalStateException("a mistake") }
        fails<IllegalStateException> { wrong.untilSettled("1") }
        assertEquals(1, asked.get())
        fails<ApiException> { MaxPay(Stack.url, "0".repeat(24), Stack.clientKey).untilSettled("1") }
    }

    @Test
    fun `asking is bounded in time`(): Unit = runBlocking {
        val took = measureTimeMillis { assertEquals(Status.CREATED, Ask { awaitCancellation() }.untilSettled("1", 300)) }
        assertTrue("$took", took < 3000)
        assertEquals(Status.CREATED, client.untilSettled(Stack.newBill(), 0))
    }
}
