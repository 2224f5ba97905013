package maxpay

import kotlinx.coroutines.async
import kotlinx.coroutines.delay
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNotNull
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

/** Every channel of an app, against the running stack. */
class ChannelsTest {
    private val client = client()

    private fun parts(order: WalletOrder): List<String> = when (order) {
        is WalletOrder.Alipay -> listOf(order.orderInfo)
        is WalletOrder.Wechat ->
            listOf(order.appId, order.partnerId, order.prepayId, order.packageValue, order.nonceStr, order.timeStamp, order.sign)
        is WalletOrder.Unionpay -> listOf(order.tn)
    }

    @Test
    fun `every channel is charged, paid, and asked for until the bill says so`(): Unit = runBlocking {
        for (channel in Channel.entries) {
            val extras = mapOf("茶" to listOf(1, emptyMap<String, Any>(), null, true), "big" to 9007199254740993)
            val charge = Stack.charge(channel).copy(extras = extras, billTimeoutSeconds = 360)
            val charged = client.charge(charge)
            assertEquals(channel, charged.channel)
            assertTrue(parts(charged.order).all { it.isNotEmpty() })
            val open = client.records(charge.billNum).single()
            assertEquals(Status.CREATED, open.status)
            assertNull(open.endTime)

            val settled = async { client.untilSettled(charge.billNum) }
            delay(50)
            Stack.pay(channel, charged.id!!)
            assertEquals(Status.SUCCESS, settled.await())
            val record = client.records(charge.billNum, channel.word).single()
            assertEquals(charged.id, record.id)
            assertEquals(channel.word, record.channel)
            assertEquals(9900, record.totalFee)
            assertEquals("¥ 99.00", record.money)
            assertEquals("CNY", record.currency)
            assertNotNull(record.endTime)
            assertEquals(jsonOf(extras, "extras"), record.extras)
            assertTrue(record.raw.containsKey("createdTime"))
        }
    }

    @Test
    fun `the order is what the wallet's SDK takes`(): Unit = runBlocking {
        val alipay = client.charge(Stack.charge(Channel.ALIPAY)).order as WalletOrder.Alipay
        assertTrue(alipay.orderInfo, alipay.orderInfo.contains("&sign="))
        val wechat = client.charge(Stack.charge(Channel.WECHAT)).order as WalletOrder.Wechat
        assertTrue(wechat.appId.startsWith("wx"))
        assertEquals("Sign=WXPay", wechat.packageValue)
        assertTrue(wechat.timeStamp.matches(Regex("[0-9]{10}")))
        val unionpay = client.charge(Stack.charge(Channel.UNIONPAY)).order as WalletOrder.Unionpay
        assertEquals(21, unionpay.tn.length)
    }

    @Test
    fun `the same charge made twice is one transaction`(): Unit = runBlocking {
        for (channel in Channel.entries) {
            val charge = Stack.charge(channel)
            assertEquals(client.charge(charge).id, client.charge(charge).id)
            assertEquals(1, client.records(charge.billNum).size)
        }
    }

    @Test
    fun `a bill that is tried by all channels and paid by one is paid`(): Unit = runBlocking {
        val bill = Stack.newBill()
        val ids = Channel.entries.associateWith { client.charge(Stack.charge(it, bill)).id!! }
        assertEquals(Status.CREATED, client.statusOf(bill))
        assertEquals(3, client.records(bill).size)
        assertEquals(listOf("wx_app"), client.records(bill, "wx").map { it.channel })
        Stack.pay(Channel.WECHAT, ids.getValue(Channel.WECHAT))
        assertEquals(Status.SUCCESS, client.untilSettled(bill))
    }

    @Test
    fun `a closed bill is closed, and a refunded one is refunded`(): Unit = runBlocking {
        val closed = Stack.newBill()
        client.charge(Stack.charge(Channel.WECHAT, closed))
        Stack.asServer("close", """{"billNum":"$closed","channel":"wx_app"}""")
        assertEquals(Status.CLOSED, client.untilSettled(closed))

        val refunded = Stack.newBill()
        val id = client.charge(Stack.charge(Channel.ALIPAY, refunded)).id!!
        Stack.pay(Channel.ALIPAY, id)
        assertEquals(Status.SUCCESS, client.untilSettled(refunded))
        Stack.asServer("refund", """{"billNum":"$refunded","refundNum":"R$id","refundFee":9900}""")
        assertEquals(Status.REFUND, client.untilSettled(refunded))
    }

    @Test
    fun `what the shop's server charged is read from its answer`(): Unit = runBlocking {
        for (channel in Channel.entries) {
            val bill = Stack.newBill()
            val body = """{"channel":"${channel.word}","billNum":"$bill","totalFee":9900,"subject":"tea"}"""
            val answer = Stack.asServer("bill", body) + mapOf("channel" to JsonPrimitive(channel.word), "billNum" to JsonPrimitive(bill))
            val charged = Charged.parse(JsonObject(answer).toString())
            assertEquals(client.records(bill).single().id, charged.id)
            assertEquals(channel, charged.channel)
            assertTrue(parts(charged.order).all { it.isNotEmpty() })
        }
    }

    @Test
    fun `what is no charge is refused by its field`() {
        isInvalid("charged") { Charged.parse("<html>") }
        isInvalid("charged") { Charged.parse("[]") }
        isInvalid("channel") { Charged.parse("""{"billNum":"1","codeUrl":"a"}""") }
        isInvalid("channel") { Charged.parse("""{"channel":"wx_native","billNum":"1","codeUrl":"a"}""") }
        isInvalid("billNum") { Charged.parse("""{"channel":"ali_app","ali_app":"a"}""") }
        isInvalid("ali_app") { Charged.parse("""{"channel":"ali_app","billNum":"1","ali_app":""}""") }
        isInvalid("prepayid") { Charged.parse("""{"channel":"wx_app","billNum":"1","appid":"wx1","partnerid":"1"}""") }
        isInvalid("tn") { Charged.parse("""{"channel":"unipay_app","billNum":"1","tn":5}""") }
        assertNull(Charged.parse("""{"channel":"unipay_app","billNum":"1","tn":"5"}""").id)
    }

    @Test
    fun `a session token charges and asks`(): Unit = runBlocking {
        val token = (Stack.asServer("sessions", """{"ttlSeconds":60,"userId":"7"}""")["token"] as JsonPrimitive).content
        val client = MaxPay(Stack.url, Stack.appId, sessionToken = token)
        val charge = Stack.charge(Channel.UNIONPAY)
        assertEquals(client.charge(charge).id, client.records(charge.billNum).single().id)
    }
}
