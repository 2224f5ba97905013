package maxpay

import java.io.File
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CountDownLatch
import java.util.concurrent.ExecutionException
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import kotlin.system.measureTimeMillis
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Assert.assertThrows
import org.junit.Test

class ErrorsTest {
    private val client = client()

    @Test
    fun `a refusal has its code, its words and its field`() {
        val wrong = fails<ApiException> { client.charge(Stack.charge(Channel.ALIPAY, "x".repeat(65))) }
        assertEquals(ApiCode.PARAM_INVALID, wrong.code)
        assertEquals("PARAM_INVALID", wrong.msg)
        assertTrue(wrong.err, wrong.err.startsWith("billNum "))
        assertEquals(200, wrong.status)
        val stranger = MaxPay(Stack.url, "0".repeat(24), Stack.clientKey)
        assertEquals(ApiCode.APP_INVALID, fails<ApiException> { stranger.statusOf("1") }.code)
    }

    @Test
    fun `each code is told apart, and a new one is told, too`() {
        val codes = mapOf(
            1 to ApiCode.APP_INVALID, 2 to ApiCode.PAY_FACTOR_NOT_SET, 3 to ApiCode.CHANNEL_INVALID, 4 to ApiCode.MISS_PARAM,
            5 to ApiCode.PARAM_INVALID, 6 to ApiCode.CERT_FILE_ERROR, 7 to ApiCode.CHANNEL_ERROR, 14 to ApiCode.RUN_TIME_ERROR, 99 to ApiCode.OTHER,
        )
        for ((number, code) in codes) {
            Road("""200 {"code":$number,"msg":"M","err":"e"}""").use { road ->
                val error = fails<ApiException> { client(road.url).statusOf("1") }
                assertEquals(code, error.code)
                assertEquals("$number M: e", error.message)
                assertEquals("r-1", error.requestId)
                assertEquals(1, road.passed.size)
            }
        }
        assertEquals(ApiCode.entries.toSet(), codes.values.toSet())
    }

    @Test
    fun `a master key is refused, and so is what is no key`() {
        isInvalid("clientKey") { MaxPay(Stack.url, Stack.appId, Stack.masterKey) }
        isInvalid("sessionToken") { MaxPay(Stack.url, Stack.appId, sessionToken = Stack.masterKey) }
        isInvalid("clientKey") { MaxPay(Stack.url, Stack.appId) }
        isInvalid("clientKey") { MaxPay(Stack.url, Stack.appId, "a", "b") }
        isInvalid("clientKey") { MaxPay(Stack.url, Stack.appId, "a\r\nX-Other: b") }
        isInvalid("clientKey") { MaxPay(Stack.url, Stack.appId, "") }
        isInvalid("appId") { MaxPay(Stack.url, "ABC", "a") }
        for (url in listOf("", "pay.example.com", "ftp://a", "https://", "https://u:p@a", "https://a?b", "https://a#b", "https://a b")) {
            isInvalid("url") { MaxPay(url, Stack.appId, "a") }
        }
        isInvalid("timeoutMs") { client(timeoutMs = 0) }
        isInvalid("retries") { client(retries = 11) }
    }

    @Test
    fun `no error and no print shows a key`() {
        val shown = mutableListOf(client.toString())
        shown += fails<InvalidInputException> { MaxPay(Stack.url, Stack.appId, Stack.masterKey) }.stackTraceToString()
        Road("drop", "500 ", "200 <html>").use { road ->
            repeat(3) { shown += fails<MaxPayException> { client(road.url, retries = 0).statusOf("1") }.stackTraceToString() }
        }
        for (text in shown) {
            assertFalse(text, text.contains(Stack.masterKey))
            assertFalse(text, text.contains(Stack.clientKey))
        }
    }

    @Test
    fun `what cannot be sent is refused by its field, and nothing is sent`() {
        Road().use { road ->
            val client = client(road.url)
            val charge = Stack.charge(Channel.ALIPAY)
            isInvalid("totalFee") { client.charge(charge.copy(totalFee = 0)) }
            isInvalid("billNum") { client.records("") }
            val itself = mutableMapOf<String, Any?>()
            itself["a"] = itself
            for (extras in listOf(mapOf("a" to this), mapOf("a" to Double.NaN), mapOf("a" to mapOf(1 to 2)), itself)) {
                isInvalid("extras") { client.charge(charge.copy(extras = extras)) }
            }
            isInvalid("waitMs") { client.untilSettled("1", -1) }
            assertEquals(0, road.passed.size)
        }
    }

    @Test
    fun `a call is repeated after no answer, 5xx and 429, with the same bytes and headers`(): Unit = runBlocking {
        for (fault in listOf("drop", "cut off", "500 ", "503 {\"message\":1}", "429 ", "500 {\"code\":14,\"msg\":\"RUN_TIME_ERROR\",\"err\":\"e\"}")) {
            Road(fault, fault).use { road ->
                val charge = Stack.charge(Channel.UNIONPAY)
                client(road.url).charge(charge)
                assertEquals(fault, 3, road.passed.size)
                assertEquals(1, road.passed.map { it.body }.toSet().size)
                val sent = road.passed.last()
                assertEquals("/2.0/maxpay/bill", sent.path)
                assertEquals(listOf(Stack.clientKey), sent.headers["X-ml-apikey"])
                assertEquals(listOf(Stack.appId), sent.headers["X-ml-appid"])
                assertEquals(listOf("maxpay-android/$VERSION"), sent.headers["User-agent"])
                assertNull(sent.headers["X-ml-masterkey"])
                assertEquals(1, client.records(charge.billNum).size)
            }
        }
    }

    @Test
    fun `a charge whose answer was lost is one transaction`(): Unit = runBlocking {
        Road("lose the answer", "lose the answer").use { road ->
            val charge = Stack.charge(Channel.WECHAT)
            val charged = client(road.url).charge(charge)
            assertEquals(3, road.passed.size)
            assertEquals(charged.id, client.records(charge.billNum).single().id)
        }
    }

    @Test
    fun `after the last try its error is told`() {
        Road("drop", "drop", "drop").use { road ->
            fails<ConnectionException> { client(road.url).statusOf("1") }
            assertEquals(3, road.passed.size)
        }
        Road("500 ", "500 {\"code\":14,\"msg\":\"RUN_TIME_ERROR\",\"err\":\"e\"}").use { road ->
            assertEquals(ApiCode.RUN_TIME_ERROR, fails<ApiException> { client(road.url, retries = 1).statusOf("1") }.code)
        }
    }

    @Test
    fun `another answer than MaxPay's is told with its status, and not repeated`() {
        for (fault in listOf("200 <html>", "200 []", "200 {\"code\":\"0\"}", "404 nobody", "403 {\"message\":\"Forbidden\"}", "401 a")) {
            Road(fault).use { road ->
                assertEquals(fault.take(3).toInt(), fails<UnexpectedAnswerException> { client(road.url).statusOf("1") }.status)
                assertEquals(1, road.passed.size)
            }
        }
        for (results in listOf("null", "{}", "[1]", "[{}]", "[{\"id\":5}]")) {
            Road("200 {\"code\":0,\"results\":$results}").use { fails<UnexpectedAnswerException> { client(it.url).records("1") } }
        }
        Road("200 {\"code\":0,\"id\":\"a\"}").use { fails<UnexpectedAnswerException> { client(it.url).charge(Stack.charge(Channel.ALIPAY)) } }
    }

    @Test
    fun `a redirect is not followed, since it would carry the key along`() {
        Road("redirect").use { assertEquals(308, fails<UnexpectedAnswerException> { client(it.url).statusOf("1") }.status) }
    }

    @Test
    fun `time and size of an answer are bounded`() {
        for (fault in listOf("hang", "trickle")) {
            Road(fault, fault).use { road ->
                val took = measureTimeMillis { fails<ConnectionException> { client(road.url, timeoutMs = 300, retries = 1).statusOf("1") } }
                assertTrue("$fault: $took", took < 5000)
            }
        }
        Road("endless").use { fails<ConnectionException> { client(it.url, retries = 0).statusOf("1") } }
    }

    @Test
    fun `the caller's own bound is told as such`(): Unit = runBlocking {
        Road("hang", "hang").use { road ->
            assertNull(withTimeoutOrNull(200) { client(road.url, retries = 0).statusOf("1") })
        }
    }

    @Test
    fun `who is cancelled returns at once`(): Unit = runBlocking {
        Road("hang").use { road ->
            val call = launch { client(road.url, timeoutMs = 60_000).statusOf("1") }
            while (road.passed.isEmpty()) delay(10)
            val took = measureTimeMillis { call.cancelAndJoin() }
            assertTrue("$took", took < 2000)
        }
    }

    @Test
    fun `the version is the server's and the build's`() {
        assertTrue(File("../../../Cargo.toml").readText().contains("\nversion = \"$VERSION\"\n"))
        for (build in listOf("../pom.xml", "pom.xml", "../archives/pom.xml", "../android/pom.xml", "../original/pom.xml")) {
            assertTrue(build, File(build).readText().contains("<version>$VERSION</version>"))
        }
    }

    private fun <Value> heard(future: CompletableFuture<Value>) = object : Callback<Value> {
        override fun done(value: Value) {
            future.complete(value)
        }

        override fun failed(error: Exception) {
            future.completeExceptionally(error)
        }
    }

    @Test
    fun `callbacks hear of the end on their executor`() {
        val executor = Executors.newSingleThreadExecutor { Thread(it, "ours") }
        val charge = Stack.charge(Channel.ALIPAY)
        val charged = CompletableFuture<Charged>()
        client.charge(charge, heard(charged), executor)
        val records = CompletableFuture<List<Record>>()
        charged.get(10, TimeUnit.SECONDS)
        client.records(charge.billNum, null, heard(records))
        assertEquals(charged.get().id, records.get(10, TimeUnit.SECONDS).single().id)
        val thread = CompletableFuture<String>()
        client.charge(charge, object : Callback<Charged> {
            override fun done(value: Charged) {
                thread.complete(Thread.currentThread().name)
            }

            override fun failed(error: Exception) = Unit
        }, executor)
        assertEquals("ours", thread.get(10, TimeUnit.SECONDS))
        val refused = CompletableFuture<Charged>()
        client.charge(charge.copy(totalFee = -1), heard(refused))
        val error = assertThrows(ExecutionException::class.java) { refused.get(10, TimeUnit.SECONDS) }
        assertEquals("totalFee", (error.cause as InvalidInputException).field)
        executor.shutdown()
    }

    @Test
    fun `after a cancel no callback is called`() {
        val queued = mutableListOf<Runnable>()
        val told = CountDownLatch(1)
        val arrived = CountDownLatch(1)
        val call = client.charge(Stack.charge(Channel.ALIPAY), object : Callback<Charged> {
            override fun done(value: Charged) = told.countDown()

            override fun failed(error: Exception) = told.countDown()
        }) { queued.add(it); arrived.countDown() }
        assertTrue(arrived.await(10, TimeUnit.SECONDS))
        call.cancel()
        queued.single().run()
        assertEquals(1, told.count)
    }
}
