package com.maxleap

import com.maxleap.exception.MLException

/** Hears on the main thread what the wallet said: the transaction's id, or an exception. */
public fun interface PayCallback {
    public fun done(id: String?, exception: MLException?)
}

/** Hears on the main thread what became of a bill: its transactions, or an exception. */
public fun interface QueryOrderCallback {
    public fun done(orders: List<MLOrder>?, exception: MLException?)
}
