// Node has no React Native: who imports it in a test gets the phone of react-native.js.

import { register } from "node:module";

const PHONE = new URL("react-native.js", import.meta.url).href;
const hook = `export const resolve = (name, context, next) =>
  name === "react-native" ? { url: ${JSON.stringify(PHONE)}, shortCircuit: true } : next(name, context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);
