// The original's exceptions.

package com.maxleap.exception

/** What went wrong, with a number. */
public open class MLException(private val code: Int, message: String?, cause: Throwable? = null) : Exception(message, cause) {
    /** A code of the gateway, [OBJECT_NOT_FOUND], [CONNECTION_FAILED] or [OTHER_CAUSE]. */
    public fun getCode(): Int = code

    public companion object {
        /** No bill has that number. */
        public const val OBJECT_NOT_FOUND: Int = 101

        /** No answer came, or one that is not the gateway's. */
        public const val CONNECTION_FAILED: Int = 100

        /** It was not the gateway that refused: a setting, an argument, or the wallet. */
        public const val OTHER_CAUSE: Int = -1
    }
}

/** A payment that did not succeed, as far as the phone knows. [getCode] is the gateway's code, or the wallet's own where the wallet said it. */
public class MLPayException(code: Int, message: String?, cause: Throwable? = null) : MLException(code, message, cause)

/** The payer cancelled. */
public class MLCancelException(message: String? = "the payer cancelled") : MLException(OTHER_CAUSE, message)
