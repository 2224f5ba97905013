// The same calls for code without coroutines.

package maxpay

import java.util.concurrent.Executor
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch

/** Hears how a call ended. One of the two is called, once; neither after a cancel. */
public interface Callback<in Value> {
    public fun done(value: Value)

    /** A [MaxPayException], or what an [Ask] of your own threw. */
    public fun failed(error: Exception)
}

/** A call that is under way. */
public class Cancelable internal constructor(private val job: Job) {
    /** Nobody waits any longer. Whether the gateway did what was asked is unknown then. */
    public fun cancel(): Unit = job.cancel()
}

private val background = CoroutineScope(SupervisorJob() + Dispatchers.IO)

/** Runs [call], and tells [callback] of its end on [executor]. */
public fun <Value> inBackground(executor: Executor, callback: Callback<Value>, call: suspend () -> Value): Cancelable {
    val job = Job()
    background.launch(job) {
        val tell: () -> Unit = try {
            val value = call()
            ({ callback.done(value) })
        } catch (error: CancellationException) {
            throw error
        } catch (error: Exception) {
            ({ callback.failed(error) })
        }
        executor.execute { if (!job.isCancelled) tell() }
    }
    return Cancelable(job)
}
