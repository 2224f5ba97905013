// The running local stack, as tests/sdk/run says, and a road to it that has faults.

package maxpay

import com.sun.net.httpserver.HttpExchange
import com.sun.net.httpserver.HttpServer
import java.net.HttpURLConnection
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.URL
import java.util.concurrent.ConcurrentLinkedDeque
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import org.junit.Assert.assertEquals

object Stack {
    val url: String = env("MAXPAY_URL")
    val appId: String = env("MAXPAY_APP_ID")
    val clientKey: String = env("MAXPAY_CLIENT_KEY")
    val masterKey: String = env("MAXPAY_MASTER_KEY")
    private val counted = AtomicInteger()

    private fun env(name: String) = System.getenv(name) ?: error("$name is not set: these tests are run by tests/sdk/run")

    fun newBill(): String = "android-${System.nanoTime()}-${counted.incrementAndGet()}-茶"

    fun charge(channel: Channel, billNum: String = newBill()) = Charge(channel, billNum, 9900, "一杯茶")

    /** What the shop's server does, and what this SDK does not know. */
    fun asServer(operation: String, body: String): JsonObject =
        post("/2.0/maxpay/$operation", body, mapOf("X-ML-AppId" to appId, "X-ML-MasterKey" to masterKey))

    /** Plays the payer. */
    fun pay(channel: Channel, id: String) {
        val trades = when (channel) {
            Channel.ALIPAY -> "alipay/trades"
            Channel.WECHAT -> "wechat/trades"
            Channel.UNIONPAY -> "unionpay/orders"
        }
        post("/_local/simulator/$trades/$id/pay", "{}", emptyMap())
    }

    private fun post(path: String, body: String, headers: Map<String, String>): JsonObject {
        val connection = URL(url + path).openConnection() as HttpURLConnection
        connection.requestMethod = "POST"
        connection.doOutput = true
        (headers + ("Content-Type" to "application/json")).forEach(connection::setRequestProperty)
        connection.outputStream.use { it.write(body.toByteArray()) }
        val said = (connection.errorStream ?: connection.inputStream).use { it.readBytes() }.toString(Charsets.UTF_8)
        check(connection.responseCode < 300) { "$path: ${connection.responseCode} $said" }
        return if (said.isEmpty()) JsonObject(emptyMap()) else Json.parseToJsonElement(said) as? JsonObject ?: JsonObject(emptyMap())
    }
}

/** A server that leads to the stack. For each request it takes the next of its faults, and passes the request on when none is left. */
class Road(vararg faults: String) : AutoCloseable {
    class Passed(val path: String, val headers: Map<String, List<String>>, val body: String)

    val passed = CopyOnWriteArrayList<Passed>()
    private val faults = ConcurrentLinkedDeque(faults.toList())
    private val closed = CountDownLatch(1)
    private val threads = Executors.newCachedThreadPool()
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
    val url: String

    init {
        server.executor = threads
        server.createContext("/") { exchange -> exchange.use { answer(it) } }
        server.start()
        url = "http://127.0.0.1:${server.address.port}"
    }

    private inline fun HttpExchange.use(answer: (HttpExchange) -> Unit) = try {
        answer(this)
    } finally {
        close()
    }

    private fun answer(exchange: HttpExchange) {
        val body = exchange.requestBody.readBytes()
        passed.add(Passed(exchange.requestURI.path, exchange.requestHeaders.toMap(), body.toString(Charsets.UTF_8)))
        val fault = faults.poll() ?: "pass"
        when {
            // A status, and what is said with it.
            fault.matches(Regex("[0-9]{3} .*")) -> {
                val text = fault.drop(4).toByteArray()
                exchange.responseHeaders.add("apigw-requestid", "r-1")
                exchange.sendResponseHeaders(fault.take(3).toInt(), text.size.toLong())
                exchange.responseBody.write(text)
            }
            fault == "hang" -> closed.await()
            fault == "drop" -> Unit
            fault == "cut off" -> {
                exchange.sendResponseHeaders(200, 100)
                exchange.responseBody.write("{\"code\":0".toByteArray())
            }
            fault == "trickle" -> {
                exchange.sendResponseHeaders(200, 100_000)
                while (closed.count > 0) {
                    exchange.responseBody.write(' '.code)
                    exchange.responseBody.flush()
                    Thread.sleep(20)
                }
            }
            fault == "endless" -> {
                exchange.sendResponseHeaders(200, 0)
                val part = ByteArray(1 shl 20) { ' '.code.toByte() }
                repeat(12) { exchange.responseBody.write(part) }
            }
            fault == "redirect" -> {
                exchange.responseHeaders.add("Location", Stack.url + "/2.0/maxpay/records")
                exchange.sendResponseHeaders(308, -1)
            }
            else -> passOn(exchange, body, losesAnswer = fault == "lose the answer")
        }
    }

    private fun passOn(exchange: HttpExchange, body: ByteArray, losesAnswer: Boolean) {
        val connection = URL(Stack.url + exchange.requestURI.path).openConnection() as HttpURLConnection
        connection.requestMethod = "POST"
        connection.doOutput = true
        for (name in listOf("Content-type", "X-ml-appid", "X-ml-apikey")) {
            connection.setRequestProperty(name, exchange.requestHeaders.getFirst(name))
        }
        connection.outputStream.use { it.write(body) }
        val said = connection.inputStream.readBytes()
        if (losesAnswer) return
        exchange.sendResponseHeaders(connection.responseCode, said.size.toLong())
        exchange.responseBody.write(said)
    }

    override fun close() {
        closed.countDown()
        server.stop(0)
        threads.shutdownNow()
    }
}

fun client(url: String = Stack.url, timeoutMs: Int = 10_000, retries: Int = 2) =
    MaxPay(url, Stack.appId, Stack.clientKey, timeoutMs = timeoutMs, retries = retries)

/** The error of this class that [call] must end with. */
inline fun <reified E : Throwable> fails(noinline call: suspend () -> Unit): E = try {
    runBlocking { call() }
    throw AssertionError("it did not fail")
} catch (error: Throwable) {
    error as? E ?: throw error
}

fun isInvalid(field: String, call: suspend () -> Unit) = assertEquals(field, fails<InvalidInputException>(call).field)
