// One call over HTTP, by what both the JVM and Android have. Time and size are bounded, and a call is repeated where that may help. That is
// safe for every call: the same billNum is the same transaction, and asking changes nothing.

package maxpay

import java.io.ByteArrayOutputStream
import java.io.IOException
import java.io.InputStream
import java.net.HttpURLConnection
import java.net.URI
import java.net.URISyntaxException
import java.net.URL
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.random.Random
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withTimeoutOrNull
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject

internal const val VERSION = "0.1.0"
private const val ANSWER_BYTES_MAX = 8 * 1024 * 1024
private const val FIRST_PAUSE_MS = 200L
private const val TOO_MANY_REQUESTS = 429

internal class Answer(val status: Int, val requestId: String?, val body: String)

internal class Transport(url: String, private val headers: Map<String, String>, private val timeoutMs: Int, private val retries: Int) {
    private val base = baseOf(url)

    init {
        if (timeoutMs !in 1..600_000) throw InvalidInputException("timeoutMs", "must be from 1 to 600000")
        if (retries !in 0..10) throw InvalidInputException("retries", "must be from 0 to 10")
    }

    /** The answer, whose code is 0. */
    suspend fun call(operation: String, request: JsonObject): JsonObject {
        // Each try sends the same bytes.
        val body = request.toString().toByteArray()
        var tried = 0
        while (true) {
            try {
                return read(once(operation, body))
            } catch (error: MaxPayException) {
                if (tried >= retries || !mayPass(error)) throw error
            }
            // Between half of the pause and all of it, so that many phones do not come back in step.
            delay((FIRST_PAUSE_MS shl tried).let { it / 2 + Random.nextLong(it / 2) })
            tried += 1
        }
    }

    private suspend fun once(operation: String, body: ByteArray): Answer = try {
        withTimeoutOrNull(timeoutMs.toLong()) { exchange(URL("$base/2.0/maxpay/$operation"), body) }
            ?: throw ConnectionException("$operation: no answer within $timeoutMs ms")
    } catch (cause: IOException) {
        throw ConnectionException("$operation: no answer from $base", cause)
    }

    /** Waits on a thread of its own, so that who is cancelled returns at once, whatever that thread is waiting for. */
    private suspend fun exchange(url: URL, body: ByteArray): Answer = suspendCancellableCoroutine { waiting ->
        val connection = url.openConnection() as HttpURLConnection
        waiting.invokeOnCancellation { onThread { connection.disconnect() } }
        onThread { waiting.resumeWith(runCatching { exchange(connection, body) }) }
    }

    private fun onThread(work: () -> Unit) = Dispatchers.IO.dispatch(EmptyCoroutineContext) { work() }

    private fun exchange(connection: HttpURLConnection, body: ByteArray): Answer {
        connection.requestMethod = "POST"
        connection.connectTimeout = timeoutMs
        connection.readTimeout = timeoutMs
        // A redirect would carry the key to wherever it leads.
        connection.instanceFollowRedirects = false
        connection.useCaches = false
        connection.doOutput = true
        // Without it the platform repeats a lost POST by itself, and no bound counts that.
        connection.setFixedLengthStreamingMode(body.size)
        for ((name, value) in headers) connection.setRequestProperty(name, value)
        connection.outputStream.use { it.write(body) }
        val status = connection.responseCode
        val stream = if (status >= HttpURLConnection.HTTP_BAD_REQUEST) connection.errorStream else connection.inputStream
        // The JVM gives no body of a 401.
        val said = stream?.use { it.readBounded() } ?: ByteArray(0)
        // The platform gives a body that was cut off as if it were whole.
        if (stream != null && said.size < connection.contentLength) throw IOException("an answer that was cut off")
        return Answer(status, connection.getHeaderField("apigw-requestid"), said.toString(Charsets.UTF_8))
    }

    private fun InputStream.readBounded(): ByteArray {
        val read = ByteArrayOutputStream()
        val part = ByteArray(8192)
        while (true) {
            val bytes = read(part)
            if (bytes < 0) return read.toByteArray()
            read.write(part, 0, bytes)
            if (read.size() > ANSWER_BYTES_MAX) throw IOException("an answer of more than $ANSWER_BYTES_MAX bytes")
        }
    }

    private fun read(answer: Answer): JsonObject {
        val json = try {
            Json.parseToJsonElement(answer.body) as? JsonObject
        } catch (_: IllegalArgumentException) {
            null
        }
        val code = json?.integer("code")?.takeIf { it in Int.MIN_VALUE..Int.MAX_VALUE }?.toInt()
            ?: throw UnexpectedAnswerException("HTTP ${answer.status}, and no answer of MaxPay's: is the url right?", answer.status)
        if (code == 0) return json
        throw ApiException(code, json.text("msg").orEmpty(), json.text("err").orEmpty(), answer.status, answer.requestId)
    }
}

internal fun mayPass(error: Throwable): Boolean = when (error) {
    is ConnectionException -> true
    is UnexpectedAnswerException -> mayPass(error.status)
    is ApiException -> mayPass(error.status)
    else -> false
}

private fun mayPass(status: Int) = status >= HttpURLConnection.HTTP_INTERNAL_ERROR || status == TOO_MANY_REQUESTS

private fun baseOf(url: String): String {
    val parts = try {
        URI(url)
    } catch (_: URISyntaxException) {
        null
    }
    val isPlain = parts != null && (parts.scheme == "https" || parts.scheme == "http") && !parts.host.isNullOrEmpty() &&
        parts.rawUserInfo == null && parts.rawQuery == null && parts.rawFragment == null
    if (!isPlain) throw InvalidInputException("url", "must be http or https with a host, and without a user, a query or a fragment")
    return url.trimEnd('/')
}
