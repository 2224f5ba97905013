// Small improvements of the pages. Every page works without this script.
"use strict";

// A form with one choice is sent as soon as the choice changes.
for (const form of document.querySelectorAll("form[data-submit-on-change]")) {
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => form.submit());
}

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

// On a phone the navigation is a strip: scroll the current page's link into view.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

// A click selects a text that is to be copied.
for (const text of document.querySelectorAll("[data-copy]")) {
  text.addEventListener("click", () => getSelection().selectAllChildren(text));
}

// A button copies the text that it names. Where there is no clipboard, the text is selected.
for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copies);
    getSelection().selectAllChildren(text);
    await navigator.clipboard?.writeText(text.textContent);
    button.textContent = button.dataset.done;
  });
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
