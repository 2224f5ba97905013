// One click fetches an export, part after part, into one file. A browser that can write into a file keeps only one part in memory; other
// browsers keep the parts as a Blob. Without this script each part is a link.
"use strict";

const TRIES_MAX = 4;

for (const box of document.querySelectorAll("[data-export]")) {
  const { part, name, newest, oldest, said: words } = box.dataset;
  const say = JSON.parse(words);
  const at = (what) => box.querySelector(`[data-${what}]`);
  const [begin, stop, resume, bar, told] = ["begin", "stop", "resume", "bar", "told"].map(at);
  const language = document.documentElement.lang;
  let cursor, rows, file, giveUp;

  const fill = (text, ...parts) => text.replace(/\{\}/g, () => parts.shift());
  const show = (text, which) => {
    told.textContent = text;
    for (const button of [begin, stop, resume]) button.hidden = button !== which;
  };

  // If the browser can write into a file that the reader chooses, each part is written as it arrives. Otherwise the file is saved at the end.
  const open = async () => {
    if (window.showSaveFilePicker) {
      const handle = await window.showSaveFilePicker({ suggestedName: name });
      const writer = await handle.createWritable();
      return { add: (chunk) => writer.write(chunk), save: () => writer.close(), drop: () => writer.abort() };
    }
    const chunks = [];
    const save = () => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob(chunks, { type: "text/csv" }));
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    };
    return { add: (chunk) => chunks.push(chunk), save, drop: () => (chunks.length = 0) };
  };

  // Fetches one part. A failed connection, an error of the server or status 429 is tried again; any other refusal is not.
  const fetchPart = async () => {
    const address = new URL(part, location.href);
    if (cursor) address.searchParams.set("cursor", cursor);
    for (let tries = 1; ; tries++) {
      const answer = await fetch(address, { signal: giveUp.signal, redirect: "error" }).catch((error) => error);
      if (answer.ok && answer.headers.has("x-next-cursor")) return answer;
      const passes = answer instanceof TypeError || answer.status >= 500 || answer.status === 429;
      if (giveUp.signal.aborted || !passes || tries === TRIES_MAX) throw answer;
      await new Promise((wake) => setTimeout(wake, 500 * 2 ** tries));
    }
  };

  const progress = (answer) => {
    const reached = Number(answer.headers.get("x-reached-ms")) || Number(oldest);
    bar.value = Number(newest) > Number(oldest) ? (newest - reached) / (newest - oldest) : 1;
    const percent = `${Math.floor(bar.value * 100)}%`;
    show(fill(say.going, rows.toLocaleString(language), answer.headers.get("x-reached"), percent), stop);
  };

  const go = async () => {
    giveUp = new AbortController();
    bar.hidden = false;
    show(fill(say.begun, rows.toLocaleString(language)), stop);
    try {
      do {
        const answer = await fetchPart();
        await file.add(await answer.blob());
        rows += Number(answer.headers.get("x-rows"));
        cursor = answer.headers.get("x-next-cursor");
        progress(answer);
      } while (cursor);
      await file.save();
      bar.value = 1;
      show(fill(say.done, rows.toLocaleString(language)), begin);
    } catch {
      if (!giveUp.signal.aborted) return show(fill(say.failed, rows.toLocaleString(language)), resume);
      await file.drop();
      bar.hidden = true;
      show(say.stopped, begin);
    }
    begin.focus();
  };

  begin.addEventListener("click", async () => {
    [cursor, rows] = ["", 0];
    file = await open().catch(() => null);
    if (file) await go();
  });
  stop.addEventListener("click", () => giveUp.abort());
  resume.addEventListener("click", go);
  box.hidden = false;
}
