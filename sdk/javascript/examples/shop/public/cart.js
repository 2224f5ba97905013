// The cart is the visitor's own, and stays in the browser.

const read = () => JSON.parse(localStorage.getItem("cart") ?? "{}");

export const counts = read;
export const countOf = (id) => read()[id] ?? 0;
export const size = () => Object.values(read()).reduce((sum, count) => sum + count, 0);
export const empty = () => localStorage.removeItem("cart");

export function change(id, by) {
  const cart = read();
  cart[id] = Math.min(Math.max((cart[id] ?? 0) + by, 0), 99);
  if (cart[id] === 0) delete cart[id];
  localStorage.setItem("cart", JSON.stringify(cart));
}
