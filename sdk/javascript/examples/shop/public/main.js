// The pages of the shop, by their path.

import * as cart from "./cart.js";
import { showOrder } from "./order.js";
import { api, element, money, picture } from "./page.js";
import { changeLanguage, language, texts } from "./texts.js";

const main = document.querySelector("#main");
const products = await api("products");

function frame() {
  const say = texts();
  document.documentElement.lang = language();
  document.title = say.name;
  const put = (id, text) => { document.querySelector(id).textContent = text; };
  put("#name", say.name);
  put("#language", say.language);
  put("#cart-label", say.cart);
  put("#footer", say.footer);
  put("#cart-count", cart.size());
  document.querySelector("#cart-count").hidden = cart.size() === 0;
}

function shelf() {
  const say = texts();
  const card = ({ id, fee, hue }) => {
    const [name, about] = say.products[id];
    const add = element("button", { onclick: () => {
      cart.change(id, 1);
      add.textContent = `${say.added} (${cart.countOf(id)})`;
      frame();
    } }, say.add);
    return element("article", { class: "card", "data-product": id },
      picture(hue), element("h2", {}, name), element("p", { class: "about" }, about),
      element("div", { class: "buy" }, element("strong", {}, money(fee)), add));
  };
  main.replaceChildren(element("h1", {}, say.slogan), element("section", { class: "shelf" }, ...products.map(card)));
}

function cartPage() {
  const say = texts();
  const inCart = products.filter(({ id }) => cart.countOf(id) > 0);
  if (inCart.length === 0) {
    main.replaceChildren(element("section", { class: "panel empty" }, element("p", {}, say.emptyCart), element("a", { class: "button", href: "/" }, say.toShop)));
    return;
  }
  const changed = (id, by) => () => { cart.change(id, by); frame(); cartPage(); };
  const row = ({ id, fee, hue }) => {
    const [name, about] = say.products[id];
    return element("li", {},
      element("div", { class: "thumb" }, picture(hue)),
      element("div", { class: "what" }, element("b", {}, name), element("small", {}, about), element("span", {}, money(fee))),
      element("div", { class: "count" },
        element("button", { "aria-label": `${say.less}: ${name}`, onclick: changed(id, -1) }, "−"), element("span", {}, String(cart.countOf(id))),
        element("button", { "aria-label": `${say.more}: ${name}`, onclick: changed(id, 1) }, "+")));
  };
  const total = inCart.reduce((sum, { id, fee }) => sum + fee * cart.countOf(id), 0);
  const order = element("button", { id: "checkout", onclick: async () => {
    order.disabled = true;
    try {
      const { id } = await api("orders", { items: cart.counts() });
      cart.empty();
      await go(`/orders/${id}`);
    } catch (error) {
      console.error(error);
      alert(say.failed);
      order.disabled = false;
    }
  } }, say.checkout);
  main.replaceChildren(element("h1", {}, say.cart), element("section", { class: "panel" },
    element("ul", { class: "items" }, ...inCart.map(row)),
    element("div", { class: "sum" }, element("span", {}, say.total), element("strong", {}, money(total)), order)));
}

function show() {
  frame();
  const order = /^\/orders\/([0-9a-f]{32})$/.exec(location.pathname);
  if (order) return showOrder(main, order[1], products);
  return location.pathname === "/cart" ? cartPage() : shelf();
}

function go(path) {
  history.pushState(null, "", path);
  scrollTo(0, 0);
  return show();
}

addEventListener("popstate", show);
// A page that the browser kept while the payer was elsewhere is as old as it was then.
addEventListener("pageshow", ({ persisted }) => persisted && show());
document.querySelector("#language").addEventListener("click", () => { changeLanguage(); show(); });
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href^='/']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go(link.getAttribute("href"));
});
await show();
