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
    const ascii = Object.values(headers).every((value) => /^[\x20-\x7e]*$/.test(value) && value === value.trim());
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
