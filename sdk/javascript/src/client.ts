// What every caller may do: charge a bill, and ask about it.

import { InvalidInputError, TransportError } from "./errors.js";
import { Transport, type CallOptions, type Options } from "./transport.js";
import type { BillRecord, Channel, Charged, ChargeRequest, RecordsQuery } from "./types.js";

const PAGE = 100;

/** The calls that a client key may make. */
export class Client {
  protected readonly transport: Transport;

  constructor(options: Options, headers: Record<string, string> = {}) {
    this.transport = new Transport(options, headers);
    // So that no log shows it, or a key within.
    Object.defineProperty(this, "transport", { enumerable: false });
  }

  /** Charges a bill. The same charge made twice is one transaction, with fresh payment parameters. */
  async charge<C extends Channel>(charge: ChargeRequest<C>, options?: CallOptions): Promise<Charged<C>> {
    checkFen("totalFee", charge.totalFee);
    const { channel, billNum } = charge;
    return { ...(await this.transport.call<object>("bill", charge, options)), channel, billNum } as Charged<C>;
  }

  /** One page of records, the newest first if `order` says nothing else. Without a master key `billNum` is required. */
  async records(query: RecordsQuery = {}, options?: CallOptions): Promise<BillRecord[]> {
    return resultsOf("records", await this.transport.call("records", query, options));
  }

  /** Every record that fits, page by page: each page begins at the time where the one before ended, so that none is missed while bills are made. */
  async *eachRecord(query: Omit<RecordsQuery, "skip" | "limit"> = {}, options?: CallOptions): AsyncGenerator<BillRecord, void, void> {
    const bound = query.order?.startsWith("c") ? "startTime" : "endTime";
    let from: Partial<RecordsQuery> = {};
    // The records of the last moment seen, which the next page begins with.
    let seen = new Set<string>();
    for (;;) {
      let isNew = false;
      const page = await this.records({ ...query, ...from, limit: PAGE, skip: from[bound] === undefined ? 0 : seen.size }, options);
      for (const record of page) {
        if (seen.has(record.id)) continue;
        isNew = true;
        yield record;
        if (record.createdTime !== from[bound]) seen = new Set();
        from = { [bound]: record.createdTime };
        seen.add(record.id);
      }
      if (page.length < PAGE || !isNew) return;
    }
  }
}

/** The list that an answer must have. */
export function resultsOf<Result extends object>(operation: string, answer: { results?: unknown }): Result[] {
  const { results } = answer;
  const isList = Array.isArray(results) && results.every((one) => typeof one === "object" && one !== null);
  if (!isList) throw new TransportError(`${operation}: an answer without a list of results`, { status: 200 });
  return results as Result[];
}

/** Money is counted in whole fen: 9.9 yuan is 990. */
export function checkFen(field: string, value: unknown): void {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return;
  const given = typeof value === "number" ? value : typeof value;
  throw new InvalidInputError(field, `must be an integer of fen from 1, a number without a fraction; ${given} was given`);
}

// A master key is 43 characters long, and a client key 24.
const MASTER_KEY = /^[A-Za-z0-9_-]{43}$/;

/** Who has a page or an app has every key in it. */
export function refuseMasterKey(options: Options, place = "a browser"): void {
  for (const name of ["masterKey", "clientKey", "sessionToken"] as const) {
    const key = options[name];
    if (key === undefined || (name !== "masterKey" && !MASTER_KEY.test(key))) continue;
    throw new InvalidInputError(name, `must not be a master key in ${place}, where everybody can read it: use it on your server, and rotate it now`);
  }
}
