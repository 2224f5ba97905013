// One click fetches an export, part after part. The parts of a CSV become one file: a browser that can write into a file keeps only one part
// in memory; other browsers keep the parts as a Blob. Each part of an XLSX is a file of its own. Without this script each part is a link.
"use strict";

const TRIES_MAX = 4;

for (const box of document.querySelectorAll("[data-export]")) {
  const { part, name, said: words } = box.dataset;
  const say = JSON.parse(words);
  const at = (what) => box.querySelector(`[data-${what}]`);
  const [stop, resume, bar, told] = ["stop", "resume", "bar", "told"].map(at);
  const begins = [...box.querySelectorAll("[data-begin]")];
  const language = document.documentElement.lang;
  let kind, cursor, totals, rows, file, giveUp;

  const fill = (text, ...parts) => text.replace(/\{\}/g, () => parts.shift());
  const show = (text, which) => {
    told.textContent = text;
    for (const button of [...begins, stop, resume]) button.hidden = !which.includes(button);
  };

  const save = (blob, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  };

  // Each part is a file.
  const files = () => {
    let count = 0;
    const add = (chunk, isLast) => save(chunk, ++count === 1 && isLast ? `${name}.xlsx` : `${name}-${count}.xlsx`);
    return { add, save: () => {}, drop: () => {}, count: () => count };
  };

  // If the browser can write into a file that the reader chooses, each part is written as it arrives. Otherwise the file is saved at the end.
  const oneFile = async () => {
    if (window.showSaveFilePicker) {
      const handle = await window.showSaveFilePicker({ suggestedName: `${name}.csv` });
      const writer = await handle.createWritable();
      return { add: (chunk) => writer.write(chunk), save: () => writer.close(), drop: () => writer.abort(), count: () => 1 };
    }
    const chunks = [];
    const end = () => save(new Blob(chunks, { type: "text/csv" }), `${name}.csv`);
    return { add: (chunk) => chunks.push(chunk), save: end, drop: () => (chunks.length = 0), count: () => 1 };
  };

  // Fetches one part. A failed connection, an error of the server or status 429 is tried again; any other refusal is not.
  const fetchPart = async () => {
    const address = new URL(part, location.href);
    address.searchParams.set("format", kind);
    if (cursor) address.searchParams.set("cursor", cursor);
    if (totals) address.searchParams.set("totals", totals);
    for (let tries = 1; ; tries++) {
      const answer = await fetch(address, { signal: giveUp.signal, redirect: "error" }).catch((error) => error);
      if (answer.ok && answer.headers.has("x-next-cursor")) return answer;
      const passes = answer instanceof TypeError || answer.status >= 500 || answer.status === 429;
      if (giveUp.signal.aborted || !passes || tries === TRIES_MAX) throw answer;
      await new Promise((wake) => setTimeout(wake, 500 * 2 ** tries));
    }
  };

  const progress = (answer) => {
    const [newest, oldest, reached] = ["newest", "oldest", "reached"].map((name) => Number(answer.headers.get(`x-${name}-ms`)));
    // Refunds by their own day follow the payments, from the latest on again: the bar stays where it is.
    const share = newest > oldest ? (newest - (reached || oldest)) / (newest - oldest) : 1;
    bar.value = Math.min(1, Math.max(bar.value, share));
    const percent = `${Math.floor(bar.value * 100)}%`;
    show(fill(say.going, rows.toLocaleString(language), answer.headers.get("x-reached"), percent), [stop]);
  };

  const go = async () => {
    giveUp = new AbortController();
    bar.hidden = false;
    show(fill(say.begun, rows.toLocaleString(language)), [stop]);
    try {
      do {
        const answer = await fetchPart();
        const next = answer.headers.get("x-next-cursor");
        await file.add(await answer.blob(), !next);
        rows += Number(answer.headers.get("x-rows"));
        [cursor, totals] = [next, answer.headers.get("x-totals")];
        progress(answer);
      } while (cursor);
      await file.save();
      bar.value = 1;
      const done = file.count() > 1 ? say.doneFiles : say.done;
      show(fill(done, rows.toLocaleString(language), file.count()), begins);
    } catch {
      if (!giveUp.signal.aborted) return show(fill(say.failed, rows.toLocaleString(language)), [resume]);
      await file.drop();
      bar.hidden = true;
      show(say.stopped, begins);
    }
    begins[0].focus();
  };

  for (const begin of begins) {
    begin.addEventListener("click", async () => {
      [kind, cursor, totals, rows] = [begin.dataset.begin, "", "", 0];
      bar.value = 0;
      file = kind === "csv" ? await oneFile().catch(() => null) : files();
      if (file) await go();
    });
  }
  stop.addEventListener("click", () => giveUp.abort());
  resume.addEventListener("click", go);
  box.hidden = false;
}
