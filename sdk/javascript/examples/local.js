// Runs an example with the keys of the local stack on this machine, and has the stack tell it of payments:
//
//     node examples/local.js examples/backend.js
//
// MAXPAY_LOCAL is the stack's `local.json`, if it is not the one of `cargo run` in the root of the repository. PORT is the example's.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const { MAXPAY_LOCAL = fileURLToPath(new URL("../../../.maxpay/local.json", import.meta.url)), PORT = "3000" } = process.env;
const [, , example] = process.argv;
if (!example) throw new Error("which example? node examples/local.js examples/backend.js");

const { url, operatorToken, apps } = JSON.parse(await readFile(MAXPAY_LOCAL, "utf8"));
const [{ appId, test }] = apps;

async function operator(method, path, body) {
  const headers = { Authorization: `Bearer ${operatorToken}`, "Content-Type": "application/json" };
  const answer = await fetch(`${url}/admin/v1/apps/${appId}/webhooks${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${method} webhooks${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

// A secret is shown when it is made, and never again: a webhook from before gets a new one.
async function secretOf(target) {
  const events = ["payment.success", "payment.closed", "refund.success", "refund.failed"];
  const known = (await operator("GET", "")).items.find((webhook) => webhook.target.url === target);
  if (known) return (await operator("POST", `/${known.id}/secret/rotate`, { graceSeconds: 0 })).secret;
  return (await operator("POST", "", { target: { url: target }, mode: "test", events })).secret;
}

Object.assign(process.env, {
  MAXPAY_URL: url,
  MAXPAY_APP_ID: appId,
  MAXPAY_CLIENT_KEY: test.clientKey,
  MAXPAY_MASTER_KEY: test.masterKey,
  MAXPAY_WEBHOOK_SECRET: await secretOf(`http://127.0.0.1:${PORT}/webhook`),
});
await import(pathToFileURL(resolve(example)));
