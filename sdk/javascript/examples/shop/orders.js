// What the shop knows of its orders. A real shop keeps them in its database.

import { randomUUID } from "node:crypto";

/** Prices are the server's, in fen: what a page says about them counts for nothing. */
export const PRODUCTS = [
  { id: "longjing", fee: 6800, hue: 96 },
  { id: "oolong", fee: 8800, hue: 168 },
  { id: "puer", fee: 12_800, hue: 18 },
  { id: "jasmine", fee: 4900, hue: 48 },
];
const COUNT_MAX = 99;
const ORDERS_MAX = 10_000;

const orders = new Map();

/** No order is forgotten for a new one: it may be paid. */
export const areFull = () => orders.size >= ORDERS_MAX;

/** The order with this number, which nobody can guess: who has it may see the order. */
export const find = (id) => orders.get(id);

/** An order of these things, or what is wrong with them. */
export function make(wanted) {
  const items = PRODUCTS.flatMap(({ id, fee }) => {
    const count = Number(wanted?.[id] ?? 0);
    return count > 0 ? [{ id, fee, count }] : [];
  });
  const isWhole = items.every(({ count }) => Number.isInteger(count) && count <= COUNT_MAX);
  if (items.length === 0 || !isWhole) return undefined;
  const totalFee = items.reduce((sum, { fee, count }) => sum + fee * count, 0);
  const order = { id: randomUUID().replaceAll("-", ""), items, totalFee, status: "unpaid", refundedFee: 0, madeTime: Date.now() };
  orders.set(order.id, order);
  return order;
}

/** What a webhook tells. It may come twice, and before or after another: each event says by itself what is true from now on. */
export function hear(event) {
  const order = orders.get(event.billNum);
  if (!order) return;
  if (event.event === "payment.duplicate") order.transaction = event.duplicateOf;
  if (event.event === "payment.success" && event.totalFee === order.totalFee && order.status === "unpaid") {
    // Of two payments, that of the event which came first is not always the one that counts.
    Object.assign(order, { status: "paid", transaction: order.transaction ?? event.id, paidTime: event.endTime });
  }
  // The refund of a second payment says nothing about the order.
  if (order.transaction !== undefined && order.transaction !== event.id) return;
  if (event.event === "refund.success") backIs(order, event.refundedFee);
  if (event.event === "refund.failed" && order.status === "refunding") order.status = "paid";
}

export function backIs(order, fee) {
  order.refundedFee = Math.max(order.refundedFee, fee);
  if (order.refundedFee >= order.totalFee) order.status = "refunded";
}
