// The cart is the visitor's own, and stays in the browser.

const COUNT_MAX = 99;

/** The storage is the visitor's: it may hold anything, also what another version of the shop wrote. */
function read() {
  let cart;
  try {
    cart = JSON.parse(localStorage.getItem("cart"));
  } catch {
    // It is not readable: the cart is empty.
  }
  const isCount = (count) => Number.isInteger(count) && count > 0 && count <= COUNT_MAX;
  return Object.fromEntries(Object.entries(cart ?? {}).filter(([, count]) => isCount(count)));
}

export const counts = read;
export const countOf = (id) => read()[id] ?? 0;
export const size = () => Object.values(read()).reduce((sum, count) => sum + count, 0);
export const empty = () => localStorage.removeItem("cart");

export function change(id, by) {
  const cart = read();
  cart[id] = Math.min(Math.max((cart[id] ?? 0) + by, 0), COUNT_MAX);
  if (cart[id] === 0) delete cart[id];
  localStorage.setItem("cart", JSON.stringify(cart));
}
