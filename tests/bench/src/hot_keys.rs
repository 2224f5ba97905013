//! One app with 10,000 charges a second: how many writes DynamoDB's partitions accept, by the number of shards.
//!
//! This is a simulation with these rules: a partition accepts 1,000 write units a second. It may use later what it did not use, up to five
//! minutes' worth. If an index's partition is full, writes to the table are throttled. DynamoDB does not split a partition for heat if its
//! keys grow with time.

use crate::table::print;

const BILLS_PER_SECOND: u64 = 10_000;
const PARTITION_WRITES: u64 = 1_000;
const BURST_SECONDS: u64 = 300;

/// An hour. The unused units of the bursts are used up in its first minutes.
const SECONDS: u64 = 3_600;

/// An index key, and the write units that a bill costs it, from the charge to the delivery to its webhook.
const KEYS: [(&str, u64); 5] = [
    // Put at the charge, removed at the payment.
    ("`by_time`, one channel, `created`", 2),
    ("`by_time`, one channel, `success`", 1),
    // Put after the first attempt failed, removed after an attempt succeeded.
    ("`by_time`, one webhook, `waiting`, target down", 2),
    // The put and the removal of the bill's entry; all apps share this key.
    ("`due`, paid within a minute", 2),
    // The put and the removal of the delivery's own entry, too.
    ("`due`, paid later", 4),
];

const SHARDS: [u64; 8] = [1, 2, 4, 8, 16, 24, 32, 64];

pub(crate) fn run() {
    let mut rows = Vec::new();
    for (name, writes) in KEYS {
        let shares = SHARDS.iter().map(|shards| throttled(*shards, writes));
        let per_shard = PARTITION_WRITES / writes;
        rows.push(std::iter::once(name.to_owned()).chain([format!("{per_shard}")]).chain(shares).collect());
    }
    let columns: Vec<String> = SHARDS.iter().map(|shards| format!("{shards} shards")).collect();
    let columns: Vec<&str> = ["key", "bills/s a shard"].into_iter().chain(columns.iter().map(String::as_str)).collect();
    print(&format!("Hot keys: writes throttled at {BILLS_PER_SECOND} bills a second"), &columns, &rows);
}

/// The share of the writes that is throttled, if each bill goes into a random shard.
fn throttled(shards: u64, writes_per_bill: u64) -> String {
    let mut spare = vec![0_u64; usize::try_from(shards).unwrap_or(1)];
    let (mut dice, mut refused) = (0x2545_F491_4F6C_DD1D_u64, 0_u64);
    for _ in 0..SECONDS {
        let mut wanted = vec![0_u64; spare.len()];
        for _ in 0..BILLS_PER_SECOND {
            dice ^= dice << 13;
            dice ^= dice >> 7;
            dice ^= dice << 17;
            if let Some(shard) = usize::try_from(dice % shards).ok().and_then(|shard| wanted.get_mut(shard)) {
                *shard += writes_per_bill;
            }
        }
        for (spare, wanted) in spare.iter_mut().zip(wanted) {
            let taken = wanted.min(PARTITION_WRITES + *spare);
            refused += wanted - taken;
            *spare = (*spare + PARTITION_WRITES - taken).min(BURST_SECONDS * PARTITION_WRITES);
        }
    }
    let tenths = refused * 1_000 / (BILLS_PER_SECOND * writes_per_bill * SECONDS);
    format!("{}.{} %", tenths / 10, tenths % 10)
}
