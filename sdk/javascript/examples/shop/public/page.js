// Elements, money, and the shop's API.

/** An element with attributes, listeners (`onclick`) and children. Texts are never read as HTML. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== false));
  return made;
}

/** Fen as people read them. */
export const money = (fee) => `¥ ${Math.floor(fee / 100)}.${String(fee % 100).padStart(2, "0")}`;

export async function api(path, body) {
  const answer = await fetch(`/api/${path}`, body && { method: "POST", body: JSON.stringify(body) });
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status });
  return answer.json();
}

/** A tin of tea in a product's colour. */
export function picture(hue) {
  const drawn = new DOMParser().parseFromString(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 240 180" aria-hidden="true">
      <rect width="240" height="180" fill="hsl(${hue} 42% 90%)"/>
      <circle cx="196" cy="40" r="52" fill="hsl(${hue} 45% 84%)"/>
      <path d="M0 150c50-34 96-30 130-12s70 20 110-8v50H0z" fill="hsl(${hue} 34% 78%)"/>
      <rect x="86" y="52" width="68" height="92" rx="7" fill="hsl(${hue} 38% 36%)"/>
      <rect x="82" y="40" width="76" height="20" rx="6" fill="hsl(${hue} 36% 28%)"/>
      <rect x="98" y="76" width="44" height="46" rx="3" fill="hsl(${hue} 50% 96%)"/>
      <path d="M106 112c0-17 12-26 28-26 0 15-8 27-24 27z" fill="hsl(${hue} 40% 48%)"/>
      <path d="M104 117c4-10 12-18 22-23" fill="none" stroke="hsl(${hue} 38% 32%)" stroke-width="2" stroke-linecap="round"/>
    </svg>`,
    "image/svg+xml",
  );
  return document.adoptNode(drawn.documentElement);
}
