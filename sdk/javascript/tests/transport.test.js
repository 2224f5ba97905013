// The network when it fails: what is repeated, what is not, and that every wait and answer has a bound.

import assert from "node:assert/strict";
import { test } from "node:test";
import { readFile } from "node:fs/promises";
import { InvalidInputError, MaxPay, RunTimeError, TransportError, VERSION } from "maxpay";
import { bodyOf, chargeOn, listen, play, server, stack } from "./support.js";

const OUTAGE = JSON.stringify({ code: 14, msg: "RUN_TIME_ERROR", err: "storage" });
const FINE = JSON.stringify({ code: 0, msg: "OK", results: [] });

/** A gateway that answers these in turn, the last one for ever. */
async function gateway(...answers) {
  const asked = [];
  const listening = await listen((request, response) => {
    asked.push(request.headers);
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    if (answer === "hang up") return request.socket.destroy();
    if (answer === "silence") return undefined;
    const [status, body, headers = {}] = answer;
    return response.writeHead(status, headers).end(body);
  });
  const maxpay = (more = {}) => new MaxPay({ url: listening.url, appId: stack.appId, clientKey: "c", ...more });
  return { ...listening, asked, maxpay };
}

for (const [what, answer] of [["an outage", [503, OUTAGE]], ["HTTP 500", [500, "<html>"]], ["HTTP 429", [429, "{}"]], ["a lost connection", "hang up"]]) {
  test(`after ${what} the call is repeated twice, and works`, async () => {
    const broken = await gateway(answer, answer, [200, FINE]);
    assert.deepEqual(await broken.maxpay().records({ billNum: "1" }), []);
    assert.equal(broken.asked.length, 3);
    await broken.close();
  });
}

test("an outage that stays is told after the retries, with what the operator looks for", async () => {
  const broken = await gateway([503, OUTAGE, { "apigw-requestid": "Xy1" }]);
  await assert.rejects(broken.maxpay({ retries: 1 }).records(), (error) => error instanceof RunTimeError && error.code === 14 && error.status === 503 && error.requestId === "Xy1");
  assert.equal(broken.asked.length, 2);
  await broken.close();
});

for (const [what, answer, told] of [
  ["a refusal", [200, JSON.stringify({ code: 5, msg: "PARAM_INVALID", err: "x" })], /5 PARAM_INVALID: x/],
  ["a code of the future", [200, JSON.stringify({ code: 99, msg: "NEW", err: "x" })], /99 NEW: x/],
  ["another page than the gateway's", [200, "<html>"], /HTTP 200, and no answer of MaxPay's/],
  ["a text that is JSON", [200, "null"], /no answer of MaxPay's/],
  ["an unknown path", [404, '{"message":"Not Found"}'], /HTTP 404/],
]) {
  test(`${what} is told at once`, async () => {
    const odd = await gateway(answer);
    await assert.rejects(odd.maxpay().records(), told);
    assert.equal(odd.asked.length, 1);
    await odd.close();
  });
}

test("a redirect is not followed, because the key would go along", async () => {
  const elsewhere = await gateway([200, FINE]);
  const moved = await gateway([308, "", { Location: `${elsewhere.url}/2.0/maxpay/records` }]);
  await assert.rejects(moved.maxpay({ retries: 0 }).records(), TransportError);
  assert.equal(elsewhere.asked.length, 0);
  await Promise.all([moved.close(), elsewhere.close()]);
});

test("a gateway that says nothing is left after the timeout", async () => {
  const silent = await gateway("silence");
  await assert.rejects(silent.maxpay({ timeoutMs: 1000, retries: 1 }).records(), /no answer within 1000 ms/);
  assert.equal(silent.asked.length, 2);
  await silent.close();
});

test("an answer that drips is left after the timeout, too", async () => {
  const dripping = await listen((_, response) => {
    const drip = setInterval(() => response.write(" "), 10);
    response.on("close", () => clearInterval(drip));
  });
  const maxpay = new MaxPay({ url: dripping.url, appId: stack.appId, clientKey: "c", timeoutMs: 1000, retries: 0 });
  await assert.rejects(maxpay.records(), /no answer within 1000 ms/);
  await dripping.close();
});

test("a charge and a refund whose answers were lost twice on the road are one bill and one refund", async () => {
  let lost = 0;
  const road = await listen(async (request, response) => {
    const { host, connection, ...headers } = request.headers;
    const answer = await fetch(`${stack.url}${request.url}`, { method: "POST", headers, body: await bodyOf(request) });
    const text = await answer.text();
    lost += 1;
    if (lost % 3 !== 0) return request.socket.destroy();
    return response.writeHead(answer.status).end(text);
  });
  const maxpay = server({ url: road.url });
  const charged = await maxpay.charge(chargeOn("ali_qrcode"));
  await play(charged);
  await maxpay.refund({ billNum: charged.billNum, refundNum: charged.id, refundFee: 900 });
  assert.equal(lost, 6);
  const records = await server().records({ billNum: charged.billNum });
  assert.deepEqual(records.map(({ id, refundedFee }) => [id, refundedFee]), [[charged.id, 900]]);
  await road.close();
});

test("what the caller changes between two tries changes nothing", async () => {
  const bodies = [];
  const charge = chargeOn("ali_qrcode");
  const broken = await listen(async (request, response) => {
    bodies.push(JSON.parse(await bodyOf(request)).totalFee);
    charge.totalFee += 1;
    response.writeHead(bodies.length < 3 ? 503 : 200).end(bodies.length < 3 ? OUTAGE : FINE);
  });
  await server({ url: broken.url }).charge(charge);
  assert.deepEqual(bodies, [9900, 9900, 9900]);
  await broken.close();
});

test("what JSON does not have is refused by name before it is sent", async () => {
  const round = {};
  round.round = round;
  for (const extras of [{ count: 1n }, round]) {
    await assert.rejects(server().charge({ ...chargeOn("ali_app"), extras }), (error) => error instanceof InvalidInputError && error.field === "extras");
  }
});

for (const results of [undefined, null, {}, [null], ["1"]]) {
  test(`an answer whose results are ${JSON.stringify(results)} is none`, async () => {
    const odd = await gateway([200, JSON.stringify({ code: 0, msg: "OK", results })]);
    const maxpay = odd.maxpay();
    for (const call of [maxpay.records(), maxpay.refunds({ billNum: "1" }), maxpay.sync({ billNum: "1" })]) {
      await assert.rejects(call, (error) => error instanceof TransportError && /without a list of results/.test(error.message));
    }
    await odd.close();
  });
}

test("an answer without an end is cut off", async () => {
  const endless = await listen((_, response) => {
    const more = () => { while (!response.destroyed && response.write("x".repeat(65_536))); };
    response.on("drain", more);
    more();
  });
  await assert.rejects(new MaxPay({ url: endless.url, appId: stack.appId, clientKey: "c" }).records(), /more than 8388608 bytes/);
  await endless.close();
});

test("a caller's signal ends the call and the wait between two tries", async () => {
  const silent = await gateway("silence");
  const abort = new AbortController();
  const call = silent.maxpay().records({}, { signal: abort.signal });
  abort.abort(new Error("the visitor left"));
  await assert.rejects(call, /the visitor left/);
  await assert.rejects(silent.maxpay().records({}, { signal: abort.signal }), /the visitor left/);
  const broken = await gateway("hang up");
  const waiting = new AbortController();
  const retried = broken.maxpay({ retries: 10 }).records({}, { signal: waiting.signal });
  setTimeout(() => waiting.abort(new Error("too long")), 150);
  await assert.rejects(retried, /too long/);
  await Promise.all([silent.close(), broken.close()]);
});

test("the gateway hears who calls, and the version is the package's", async () => {
  const { version } = JSON.parse(await readFile(new URL("../package.json", import.meta.url)));
  assert.equal(VERSION, version);
  const listening = await gateway([200, FINE]);
  await listening.maxpay({ url: `${listening.url}///` }).records();
  assert.equal(listening.asked[0]["user-agent"], `maxpay-javascript/${version}`);
  assert.equal(listening.asked[0]["x-ml-apikey"], "c");
  await listening.close();
});
