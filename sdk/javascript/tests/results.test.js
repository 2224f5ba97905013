// The results of checkouts that the SDKs of all languages share, sync and async.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { InvalidInputError, ResultError, verifyResult } from "maxpay";
import { verifyResultSync } from "maxpay/node";

const { cases, codes } = JSON.parse(readFileSync(new URL("../../vectors/results.json", import.meta.url)));

const outcome = async (verify) => {
  try {
    const { id = null, channel = null, totalFee = null, ...result } = await verify();
    return { expect: "ok", result: { ...result, id, channel, totalFee } };
  } catch (error) {
    assert.ok(error instanceof ResultError, String(error));
    return { expect: error.code };
  }
};

test("every code has a case", () => {
  assert.deepEqual(new Set(cases.map((one) => one.expect)), new Set(["ok", ...Object.keys(codes)]));
});

for (const { name, url, masterKeys, appId, now, tolerance, ...told } of cases) {
  test(`result: ${name}: ${told.expect}`, async () => {
    const options = { masterKeys, now, tolerance, ...(appId && { appId }) };
    assert.deepEqual(await outcome(() => verifyResult(url, options)), told, "async");
    assert.deepEqual(await outcome(() => verifyResultSync(url, options)), told, "sync");
    if (url.startsWith("https://")) assert.deepEqual(await outcome(() => verifyResult(new URL(url), options)), told, "URL");
  });
}

const good = cases.find((one) => one.expect === "ok");

test("a tolerance and a present that are no numbers are refused by name", async () => {
  for (const [field, value] of [["tolerance", NaN], ["tolerance", Infinity], ["tolerance", -1], ["tolerance", "300"], ["now", NaN]]) {
    const options = { masterKeys: good.masterKeys, now: good.now + 9999, [field]: value };
    const isNamed = (error) => error instanceof InvalidInputError && error.field === field;
    await assert.rejects(verifyResult(good.url, options), isNamed);
    assert.throws(() => verifyResultSync(good.url, options), isNamed);
  }
});

test("settings that are forgotten, and an address that is none, are refused", async () => {
  await assert.rejects(verifyResult(good.url), (error) => error instanceof ResultError && error.code === "bad-key");
  assert.throws(() => verifyResultSync({ maxpay_app: "1" }, { masterKeys: ["k"] }), (error) => error.field === "address");
});
