// What React Native's fetch stands on, an XMLHttpRequest, by node:http: it follows redirects and has no stream, as the phone's own.

import { request } from "node:http";

export class XMLHttpRequest {
  status = 0;
  responseText = "";
  readyState = 0;
  #headers = {};

  open(method, url) {
    Object.assign(this, { method, url });
  }

  setRequestHeader(name, value) {
    this.#headers[name] = value;
  }

  getAllResponseHeaders() {
    return Object.entries(this.answered.headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  }

  abort() {
    this.sent?.destroy();
    this.onabort?.();
  }

  send(body) {
    this.sent = request(this.url, { method: this.method, headers: this.#headers }, (answered) => {
      const parts = [];
      this.answered = answered;
      answered.on("data", (part) => parts.push(part));
      answered.on("end", () => {
        this.responseText = Buffer.concat(parts).toString();
        Object.assign(this, { status: answered.statusCode, response: this.responseText, readyState: 4 });
        this.onload();
      });
    });
    this.sent.on("error", () => this.onerror());
    this.sent.end(body);
  }
}
