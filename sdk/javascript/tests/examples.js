// Runs an example as `examples/local.js` does it for a developer, beside the running stack.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, operator, stack } from "./support.js";

const PACKAGE = fileURLToPath(new URL("../", import.meta.url));

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

/** `where` may name the port, and another address of the stack. */
export async function run(example, where = {}) {
  const folder = await mkdtemp(join(tmpdir(), "maxpay-example-"));
  const { url, operatorToken, appId, clientKey, masterKey } = { ...stack, ...where };
  const local = join(folder, "local.json");
  await writeFile(local, JSON.stringify({ url, operatorToken, apps: [{ appId, test: { clientKey, masterKey } }] }));
  const port = where.port ?? (await freePort());
  const env = { ...process.env, MAXPAY_LOCAL: local, PORT: String(port) };
  const child = spawn(process.execPath, ["examples/local.js", `examples/${example}`], { cwd: PACKAGE, env });
  // Also where it never came to say that it is there.
  process.on("exit", () => child.kill());
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => { said += part; });
  const ended = new Promise((end) => child.on("exit", end));
  await eventually(`${example} to be there`, () => {
    assert.equal(child.exitCode, null, said);
    return said.includes("The shop is at");
  });
  const shop = `http://127.0.0.1:${port}`;
  return {
    url: shop,
    said: () => said,
    async end() {
      child.kill();
      await ended;
      const { items } = await operator("GET", `/apps/${appId}/webhooks`);
      const { id } = items.find((webhook) => webhook.target.url === `${shop}/webhook`);
      await operator("DELETE", `/apps/${appId}/webhooks/${id}`);
      await rm(folder, { recursive: true });
    },
  };
}
