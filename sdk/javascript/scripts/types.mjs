// Writes src/openapi.ts: the types of the merchants' calls and of the webhooks' bodies, from docs/openapi.yaml.
//
//     node scripts/types.mjs            writes it
//     node scripts/types.mjs --check    fails if it is not what would be written

import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import { parse } from "yaml";

const DOCUMENT = new URL("../../../docs/openapi.yaml", import.meta.url);
const TYPES = new URL("../src/openapi.ts", import.meta.url);
const HEAD = "// Made by scripts/types.mjs from docs/openapi.yaml. Change that document, and run `npm run types`.\n\n";

// What an app sends by POST, what comes back, and what its webhooks are sent. An operator's calls are not an app's.
function merchantsPart(document) {
  const calls = Object.entries(document.paths).filter(([path]) => path.startsWith("/2.0/maxpay/"));
  const sent = calls.map(([, { post }]) => [`${post.operationId}Body`, post.requestBody.content["application/json"].schema]);
  const answers = calls.map(([, { post }]) => post.responses[200]);
  const events = Object.values(document.webhooks).map((event) => event.post.requestBody);
  const schemas = Object.fromEntries(sent);
  const queue = [schemas, answers, events];
  while (queue.length > 0) {
    for (const [, name] of JSON.stringify(queue.pop()).matchAll(/"#\/components\/schemas\/(\w+)"/g)) {
      if (name in schemas) continue;
      schemas[name] = document.components.schemas[name];
      queue.push(schemas[name]);
    }
  }
  return { openapi: document.openapi, info: document.info, paths: {}, components: { schemas } };
}

const SAYS_A_TYPE = ["$ref", "type", "enum", "const", "properties", "allOf", "anyOf", "oneOf"];

// Takes out what a type cannot say (patterns, formats, `if`), and moves a lone `required` to where the generator sees it.
function withoutRules(schema) {
  if (Array.isArray(schema)) return schema.map(withoutRules);
  if (schema === null || typeof schema !== "object") return schema;
  const plain = Object.fromEntries(Object.entries(schema).map(([name, value]) => [name, withoutRules(value)]));
  for (const kind of ["allOf", "anyOf"]) {
    if (!Array.isArray(plain[kind])) continue;
    if (kind === "allOf") plain.required = [...(plain.required ?? []), ...plain.allOf.filter(isLone).flatMap((part) => part.required ?? [])];
    plain[kind] = plain[kind].filter((part) => !isLone(part));
    if (plain[kind].length === 0) delete plain[kind];
  }
  if (plain.required?.length === 0) delete plain.required;
  return plain;
}

const isLone = (part) => !SAYS_A_TYPE.some((word) => word in part);

const document = withoutRules(merchantsPart(parse(await readFile(DOCUMENT, "utf8"))));
const made = HEAD + astToString(await openapiTS(document, { defaultNonNullable: false }));
if (process.argv.includes("--check")) {
  if ((await readFile(TYPES, "utf8")) !== made) {
    console.error("src/openapi.ts is not what docs/openapi.yaml says: run `npm run types`");
    process.exit(1);
  }
} else {
  await writeFile(TYPES, made);
}
