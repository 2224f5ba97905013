// Small improvements of the pages. Every page works without this script.
"use strict";

// A form with one choice is sent as soon as the choice changes.
for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.submit());
}

// Filters act at once. Where there is no script, their button does it.
for (const form of document.querySelectorAll("form.filters")) {
  // A typed text is sent by the button.
  if (form.querySelector("input:not([type=hidden]):not([type=date])")) continue;
  form.querySelector("button").hidden = true;
  for (const field of form.querySelectorAll("select, [type=date]")) {
    field.addEventListener("change", () => {
      // A range begins with its days, and a year that is still being typed is no day.
      if (field.value === "own") return form.querySelector("[type=date]").focus();
      if (field.type === "date" && field.value && field.value < "2000") return;
      sessionStorage.setItem("filter", field.id);
      form.requestSubmit();
    });
  }
}
// The next page begins where the reader was.
document.getElementById(sessionStorage.getItem("filter"))?.focus({ preventScroll: true });
sessionStorage.removeItem("filter");

// The two days of a range show only where a range is asked for.
for (const form of document.querySelectorAll("form[data-filters]")) {
  const time = form.querySelector("[name=time]");
  const show = () => {
    for (const field of form.querySelectorAll("[data-own-range]")) field.hidden = time.value !== "own";
  };
  time.addEventListener("change", show);
  show();
}

// A menu closes at a click outside it, or at Escape.
const menus = document.querySelectorAll("details.menu, details.confirm");
document.addEventListener("click", (event) => {
  for (const menu of menus) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of menus) {
    if (!menu.open) continue;
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// On a phone the bar leads to the search field, which is on every page.
document.querySelector(".to-find")?.addEventListener("click", (event) => {
  event.preventDefault();
  document.getElementById("find").focus();
});

// On a phone the navigation opens above the bar. Without this script the same link leads to it by its address.
const side = document.getElementById("menu");
const toMenu = document.querySelector(".to-menu");
if (side && toMenu) {
  const open = (isOpen) => {
    side.classList.toggle("open", isOpen);
    toMenu.setAttribute("aria-expanded", String(isOpen));
  };
  side.dataset.scripted = "";
  toMenu.setAttribute("role", "button");
  toMenu.setAttribute("aria-controls", "menu");
  open(false);
  toMenu.addEventListener("click", (event) => {
    event.preventDefault();
    open(!side.classList.contains("open"));
    if (side.classList.contains("open")) side.querySelector("[aria-current], a").focus({ preventScroll: true });
  });
  toMenu.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    toMenu.click();
  });
  side.querySelector(".close-menu").addEventListener("click", (event) => {
    event.preventDefault();
    open(false);
    toMenu.focus();
  });
  document.addEventListener("click", (event) => {
    if (!side.contains(event.target) && !toMenu.contains(event.target)) open(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !side.classList.contains("open")) return;
    open(false);
    toMenu.focus();
  });
}

// A button prints the page.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

// The tabulator key leads to one bar of a chart; the arrow keys go from there to the others.
for (const plot of document.querySelectorAll(".plot")) {
  const slots = [...plot.querySelectorAll(".slot")];
  plot.addEventListener("keydown", (event) => {
    const here = slots.indexOf(document.activeElement);
    const steps = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: slots.length - 1 };
    const next = slots[steps[event.key]];
    if (here < 0 || !next) return;
    event.preventDefault();
    slots[here].tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
}

// A click selects a text that is to be copied. A click that marks a part of it leaves that part marked.
for (const text of document.querySelectorAll("[data-copy]")) {
  text.addEventListener("click", () => {
    if (getSelection().isCollapsed) getSelection().selectAllChildren(text);
  });
}

// A button copies a text, and says so for a moment, to screen readers as well. Where the browser does not allow it, the text is left
// selected for the keys.
const words = document.body.dataset;
const said = document.getElementById("said");
const copy = async (text, node) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(node);
    return false;
  }
};
const copies = (button, node, text) => {
  const label = button.textContent;
  let timer;
  button.addEventListener("click", async () => {
    const done = await copy(text, node);
    const answer = done ? words.copied : words.byHand;
    button.textContent = answer;
    button.classList.toggle("copied", done);
    // The same answer twice in a row is said twice.
    said.textContent = "";
    setTimeout(() => { said.textContent = answer; }, 50);
    clearTimeout(timer);
    timer = setTimeout(() => {
      button.textContent = label;
      button.classList.remove("copied");
      said.textContent = "";
    }, 2500);
  });
};
const named = new Set();
for (const button of document.querySelectorAll("[data-copies]")) {
  const text = document.getElementById(button.dataset.copies);
  named.add(text);
  button.hidden = false;
  copies(button, text, text.textContent);
}
// Each other text that is to be copied gets a button. Its name says what it copies.
for (const text of document.querySelectorAll("[data-copy]")) {
  if (named.has(text)) continue;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = words.copyWord;
  const term = text.closest("dd")?.previousElementSibling;
  if (term?.matches("dt")) {
    term.id ||= `term-${named.size}`;
    button.id = `copy-${named.size}`;
    button.setAttribute("aria-describedby", term.id);
  }
  named.add(text);
  copies(button, text, text.textContent);
  if (text.matches("pre")) {
    const around = document.createElement("div");
    around.className = "copyable";
    text.replaceWith(around);
    around.append(text, button);
  } else {
    text.after(" ", button);
  }
}

// A payment that is waited for: once it is paid, or can no longer be, the page is loaded again. It asks for half an hour at most, and
// not while nobody looks.
const LOOKS_MAX = 400;
for (const made of document.querySelectorAll("[data-watch]")) {
  let looks = 0;
  const look = async () => {
    looks += 1;
    if (looks > LOOKS_MAX) return;
    if (!document.hidden) {
      const answer = await fetch(made.dataset.watch).then((found) => found.ok ? found.json() : null).catch(() => null);
      if (answer && answer.state !== "open") return location.reload();
    }
    setTimeout(look, looks < 60 ? 2000 : 5000);
  };
  setTimeout(look, 2000);
}

// Only the fields of the chosen kind are shown.
for (const form of document.querySelectorAll("form[data-target]")) {
  const show = () => {
    const kind = form.querySelector("[name=kind]:checked");
    for (const part of form.querySelectorAll("[data-kind]")) part.hidden = kind && part.dataset.kind !== kind.value;
  };
  form.addEventListener("change", show);
  show();
}

// A form is sent only once, even if its button is pressed again. It shows that it is being sent.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "1";
    form.setAttribute("aria-busy", "true");
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
});
