// The vectors that the SDKs of all languages share, sync and async.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { InvalidInputError, WebhookError, verifyWebhook } from "maxpay";
import { verifyWebhookSync } from "maxpay/node";

const { cases, codes } = JSON.parse(readFileSync(new URL("../../vectors/webhooks.json", import.meta.url)));

const outcome = async (verify) => {
  try {
    const event = await verify();
    return { expect: "ok", event: { type: event.event, billNum: event.billNum, totalFee: event.totalFee } };
  } catch (error) {
    assert.ok(error instanceof WebhookError, String(error));
    return { expect: error.code };
  }
};

test("every code has a case", () => {
  assert.deepEqual(new Set(cases.map((one) => one.expect)), new Set(["ok", ...Object.keys(codes)]));
});

for (const { name, headers, body, secrets, masterKeys, appid, now, tolerance, ...told } of cases) {
  test(`webhook: ${name}: ${told.expect}`, async () => {
    const options = { secrets, masterKeys, now, tolerance, ...(appid && { appId: appid }) };
    const bytes = Buffer.from(body, "base64");
    assert.deepEqual(await outcome(() => verifyWebhook(bytes, headers, options)), told, "async");
    assert.deepEqual(await outcome(() => verifyWebhookSync(bytes, headers, options)), told, "sync");
    const ascii = Object.values(headers).every((value) => /^[\x20-\x7e]*$/.test(value) && value === value?.trim());
    if (ascii) assert.deepEqual(await outcome(() => verifyWebhook(bytes, new Headers(headers), options)), told, "Headers");
  });
}

test("a body that a JSON parser was at is refused in words", async () => {
  const { headers, body, secrets, now } = cases.find((one) => one.expect === "ok");
  const parsed = JSON.parse(Buffer.from(body, "base64"));
  await assert.rejects(verifyWebhook(parsed, headers, { secrets, now }), (error) => error instanceof InvalidInputError && error.field === "rawBody");
  assert.throws(() => verifyWebhookSync(parsed, headers, { secrets, now }), InvalidInputError);
  const bytes = new Uint8Array(Buffer.from(body, "base64"));
  for (const raw of [bytes.buffer, bytes, Buffer.from(bytes).toString()]) {
    assert.equal((await verifyWebhook(raw, headers, { secrets, now })).billNum, "1453966991188");
  }
});

const good = cases.find((one) => one.expect === "ok");
const bytes = Buffer.from(good.body, "base64");

/** How both verifiers refuse it: the code of a WebhookError, or the field of an InvalidInputError. */
async function refusal(body, headers, options) {
  const word = (error) => { assert.ok(error instanceof WebhookError || error instanceof InvalidInputError, String(error)); return error.code ?? error.field; };
  const found = await verifyWebhook(body, headers, options).then(() => "ok", word);
  let sync = "ok";
  try {
    verifyWebhookSync(body, headers, options);
  } catch (error) {
    sync = word(error);
  }
  assert.equal(sync, found);
  return found;
}

for (const [name, more, told] of [
  ["a secret that is not set", { secrets: [undefined] }, "bad-secret"],
  ["no secrets", { secrets: undefined }, "bad-secret"],
  ["a text in place of a list", { secrets: good.secrets[0] }, "bad-secret"],
  ["a number as secret", { secrets: [5] }, "bad-secret"],
  ["a master key that is not set", { masterKeys: [undefined] }, "bad-secret"],
  ["a master key in place of a list", { masterKeys: "key" }, "bad-secret"],
  ["a tolerance that is no number", { tolerance: NaN }, "tolerance"],
  ["a tolerance without an end", { tolerance: Infinity }, "tolerance"],
  ["a tolerance below 0", { tolerance: -1 }, "tolerance"],
  ["a tolerance that is a text", { tolerance: "300" }, "tolerance"],
  ["a present that is no number", { now: NaN }, "now"],
]) {
  test(`settings: ${name} is refused by name`, async () => {
    // Also an old message, which a comparison with NaN would let in.
    for (const now of [good.now, good.now + 1e6]) {
      assert.equal(await refusal(bytes, good.headers, { secrets: good.secrets, now, ...more }), told);
    }
  });
}

test("settings that are forgotten, and headers that are none, are refused", async () => {
  const { secrets, now } = good;
  assert.equal(await refusal(bytes, good.headers, undefined), "bad-secret");
  for (const headers of [undefined, null, "webhook-id", ["webhook-id", "1"], { ...good.headers, "webhook-timestamp": now }]) {
    assert.equal(await refusal(bytes, headers, { secrets, now }), "missing-header");
  }
});
