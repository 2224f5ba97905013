// Runs an example with the keys of the local stack on this machine, and has the stack tell it of payments:
//
//     node examples/local.js examples/backend.js
//
// MAXPAY_LOCAL is the stack's `local.json`, if it is not the one of `cargo run` in the root of the repository. The example's port is the second
// argument, or PORT, or 3000.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const [, , example, PORT = process.env.PORT ?? "3000"] = process.argv;
const { MAXPAY_LOCAL = fileURLToPath(new URL("../../../.maxpay/local.json", import.meta.url)) } = process.env;
if (!example) throw new Error("which example? node examples/local.js examples/backend.js");

// A port that is taken ends this here: another example uses it, perhaps, and needs the secret that would be changed below.
await new Promise((free, taken) => {
  const server = createServer().once("error", taken).listen(Number(PORT), "127.0.0.1", () => server.close(free));
});
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
  const webhook = { target: { url: target }, mode: "test", events: ["payment.success", "payment.duplicate", "refund.success", "refund.failed"] };
  const known = (await operator("GET", "")).items.find((one) => one.target.url === target);
  if (!known) return (await operator("POST", "", webhook)).secret;
  await operator("PUT", `/${known.id}`, webhook);
  return (await operator("POST", `/${known.id}/secret/rotate`, { graceSeconds: 0 })).secret;
}

Object.assign(process.env, {
  PORT,
  MAXPAY_URL: url,
  MAXPAY_APP_ID: appId,
  MAXPAY_CLIENT_KEY: test.clientKey,
  MAXPAY_MASTER_KEY: test.masterKey,
  MAXPAY_WEBHOOK_SECRET: await secretOf(`http://127.0.0.1:${PORT}/webhook`),
});
await import(pathToFileURL(resolve(example)));
