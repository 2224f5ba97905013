// The page of an order: it is paid here by whatever this browser can, turns to paid when the shop's server has heard of it, and can be refunded.

import { channelsFor, pay, untilSettled } from "maxpay/browser";
import { api, element, money, picture } from "./page.js";
import { texts } from "./texts.js";

const MARKS = { checkout: ["码", "#5b6472"], ali: ["支", "#1677ff"], wx: ["微", "#07c160"], unipay: ["银", "#d7282f"] };

/** Which showing of an order is the present one. What an earlier one waits for is not shown any longer. */
let showing = 0;

export async function showOrder(main, id, products) {
  const shown = (showing += 1);
  const order = await api(`orders/${id}`).catch(() => undefined);
  const channels = await api("channels");
  if (shown !== showing) return;
  if (!order) {
    main.replaceChildren(element("section", { class: "panel empty" }, element("p", {}, texts().notFound)));
    return;
  }
  const again = () => shown === showing && isShown(id) && showOrder(main, id, products);
  main.replaceChildren(...page(order, products, channels.filter((channel) => channel === "checkout" || channelsFor(navigator.userAgent).includes(channel)), again));
  if (order.status === "unpaid") sayHowTheyCame(id);
  // Who comes back from a provider's page has paid, perhaps: the webhook says so in a moment.
  if (order.status === "unpaid" || order.status === "refunding") untilSettled(id, { ask: changeOf(order) }).then((now) => now !== "created" && again(), () => {});
}

/** Who comes back from the checkout has a signed result in the address. The shop's server verifies it. */
async function sayHowTheyCame(id) {
  if (!location.search.includes("maxpay_sign=")) return;
  const { status } = await api(`orders/${id}/came`, { query: location.search }).catch(() => ({ status: "unknown" }));
  const note = document.querySelector("#note");
  const { confirming, cancelled, waiting } = texts();
  if (note && isShown(id)) note.textContent = { success: confirming, cancel: cancelled, unknown: waiting }[status];
}

const isShown = (id) => location.pathname === `/orders/${id}`;

/** The shop's own server is asked, which knows it by a webhook. The page needs no key of the gateway's. A server in trouble is asked again. */
const changeOf = ({ id, status }) => async () => {
  if (!isShown(id)) return "closed";
  const now = await api(`orders/${id}`).catch(() => undefined);
  return now === undefined || now.status === status ? "created" : "success";
};

function page(order, products, channels, again) {
  const say = texts();
  const head = element("section", { class: `panel status ${order.status}` },
    element("div", { class: "mark", "aria-hidden": "true" }, { unpaid: "¥", paid: "✓", refunding: "↺", refunded: "↺" }[order.status]),
    element("div", {}, element("h1", { id: "status", "data-status": order.status }, say.status[order.status]), element("p", {}, say.hint[order.status])),
    element("strong", { class: "amount" }, money(order.totalFee)));
  const items = element("section", { class: "panel" },
    element("ul", { class: "items" }, ...order.items.map(({ id, fee, count }) => element("li", {},
      element("div", { class: "thumb" }, picture(products.find((product) => product.id === id).hue)),
      element("div", { class: "what" }, element("b", {}, say.products[id][0]), element("small", {}, say.products[id][1])),
      element("div", { class: "price" }, `${money(fee)} × ${count}`)))),
    element("dl", {}, element("dt", {}, say.orderNumber), element("dd", {}, order.id)),
    order.status === "paid" && refundButton(order, again));
  return order.status === "unpaid" ? [head, cashier(order, channels, again), items] : [head, items];
}

function refundButton(order, again) {
  const say = texts();
  const button = element("button", { id: "refund", class: "plain", onclick: async () => {
    if (!confirm(say.refundAsk)) return;
    button.disabled = true;
    await api(`orders/${order.id}/refund`, {}).catch(() => alert(say.failed));
    again();
  } }, say.refund);
  return button;
}

function cashier(order, channels, again) {
  const say = texts();
  if (channels.length === 0) return element("section", { class: "panel" }, element("p", {}, say.noChannel));
  const note = element("p", { id: "note", role: "status" });
  const qr = element("div", { id: "qr", hidden: true });
  const button = element("button", { id: "pay" }, `${say.payNow} ${money(order.totalFee)}`);
  const form = element("form", { class: "panel cashier", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    qr.hidden = true;
    note.textContent = say.preparing;
    try {
      note.textContent = await payBy(order, new FormData(form).get("channel"), qr, again);
    } catch (error) {
      console.error(error);
      note.textContent = say.failed;
    }
    button.disabled = false;
  } }, element("h2", {}, say.payBy), element("div", { class: "ways" }, ...channels.map(way)), button, qr, note);
  return form;
}

function way(channel, place) {
  const [name, about] = texts().channels[channel];
  const [sign, colour] = MARKS[channel.split("_")[0]];
  return element("label", { class: "way" },
    element("input", { type: "radio", name: "channel", value: channel, checked: place === 0 }),
    element("span", { class: "sign", style: `background:${colour}`, "aria-hidden": "true" }, sign),
    element("span", {}, element("b", {}, name), element("small", {}, about)));
}

/** The whole of paying. What is to be read meanwhile comes back; that it is paid is for the shop's server to say. */
async function payBy(order, channel, qr, again) {
  const say = texts();
  const charged = await api(`orders/${order.id}/pay`, { channel });
  if (channel === "checkout") {
    location.assign(charged.url);
    return say.preparing;
  }
  const draw = (svg) => {
    qr.replaceChildren(svg, element("p", {}, say.scanWith[channel]));
    qr.hidden = false;
  };
  const { result, settled } = await pay(charged, { qr: draw, returnUrl: location.href, ask: changeOf(order) });
  settled.then((now) => now !== "created" && again(), () => {});
  if (result === "cancel") return say.cancelled;
  return result === "success" ? say.confirming : say.waiting;
}
