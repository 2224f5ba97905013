// React Native's own codegen reads the native module's file, and makes what the native sources are written against.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import parser from "@react-native/codegen/lib/parsers/typescript/parser.js";
import java from "@react-native/codegen/lib/generators/modules/GenerateModuleJavaSpec.js";
import objc from "@react-native/codegen/lib/generators/modules/GenerateModuleObjCpp/index.js";
import { readFileSync } from "node:fs";

const file = fileURLToPath(new URL("../src/NativeMaxPayWallets.ts", import.meta.url));
const schema = new parser.TypeScriptParser().parseFile(file);
const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

test("the Kotlin module has each method of the generated class", () => {
  const made = [...java.generate("MaxPayWalletsSpec", schema, "maxpay.reactnative").values()].join("\n");
  const source = read("android/src/main/java/maxpay/reactnative/MaxPayWalletsModule.kt");
  const methods = [...made.matchAll(/public abstract void (\w+)\(([^)]*)\)/g)];
  assert.equal(methods.length, 3);
  for (const [, name, parameters] of methods) {
    const inKotlin = parameters.replaceAll(/(\w+) (\w+)/g, "$2: $1");
    assert.ok(source.includes(`override fun ${name}(${inKotlin})`), `${name}(${inKotlin})`);
  }
});

test("the Objective-C module has each selector of the generated protocol", () => {
  const made = [...objc.generate("MaxPayWalletsSpec", schema, "maxpay.reactnative", false, "MaxPayWalletsSpec").values()].join("\n");
  const source = read("ios/RCTMaxPayWallets.mm");
  const protocol = /@protocol NativeMaxPayWalletsSpec[^]*?@end/.exec(made)[0];
  const methods = protocol.match(/^- \([^]*?;$/gm).map((method) => method.slice(0, -1).replaceAll(/\s+/g, " "));
  assert.equal(methods.length, 3);
  for (const method of methods) assert.ok(source.replaceAll(/\s+/g, " ").includes(method), method);
});
