// What the simulated in-app browsers share: the wallet's own words about itself, and the sheet on which the payer confirms.

Object.defineProperty(navigator, "userAgent", { get: () => agent });

const post = async (address, content) => {
  const answer = await fetch(address, {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(content),
  });
  return { ok: answer.ok, body: await answer.json() };
};

const element = (name, text, style = {}) => {
  const made = Object.assign(document.createElement(name), { textContent: text });
  Object.assign(made.style, style);
  return made;
};

const button = (text, id, style) => {
  const made = element("button", text, {
    display: "block", width: "100%", padding: "12px", marginTop: "10px", font: "inherit", fontWeight: "600", borderRadius: "8px",
    cursor: "pointer", ...style,
  });
  return Object.assign(made, { type: "button", id });
};

/** Asks the payer. Only a click on the first button confirms. */
const confirmed = ({ merchant, subject, amount }, colour) => new Promise((decided) => {
  const sheet = element("dialog", "", {
    margin: "auto auto 0", width: "min(100%, 480px)", border: "0", borderRadius: "14px 14px 0 0", padding: "24px", boxSizing: "border-box",
    textAlign: "center", colorScheme: "light dark", background: "Canvas", color: "CanvasText", font: "16px/1.5 system-ui, sans-serif",
  });
  sheet.id = "simulated-sheet";
  sheet.setAttribute("aria-label", "Confirm the payment 确认付款");
  sheet.append(
    element("p", merchant, { margin: "0" }),
    element("p", `¥${amount}`, { margin: "4px 0", fontSize: "32px", fontWeight: "700" }),
    element("p", subject, { margin: "0 0 12px", opacity: "0.75" }),
    button("Pay 确认支付", "simulated-pay", { border: "0", background: colour, color: "#fff" }),
    button("Cancel 取消", "simulated-cancel", { border: "1px solid currentColor", background: "transparent", color: "inherit" }),
    element("p", "This is a simulator. No money moves. 这是模拟环境，不会产生真实交易。", { margin: "16px 0 0", fontSize: "12px", opacity: "0.75" }),
  );
  sheet.addEventListener("click", ({ target }) => target.id.startsWith("simulated-") && target !== sheet && sheet.close(target.id));
  sheet.addEventListener("close", () => {
    sheet.remove();
    decided(sheet.returnValue === "simulated-pay");
  });
  document.body.append(sheet);
  sheet.showModal();
});

/** What the wallet does not take is said to the payer, too. */
const complain = ({ code, message }) => {
  const said = element("p", `${code}: ${message}`, {
    position: "fixed", inset: "auto 12px 12px", margin: "0", padding: "12px", borderRadius: "8px", background: "#a8201a", color: "#fff",
    font: "14px/1.5 system-ui, sans-serif", overflowWrap: "anywhere", zIndex: "2147483647",
  });
  said.setAttribute("role", "alert");
  said.id = "simulated-complaint";
  document.getElementById(said.id)?.remove();
  document.body.append(said);
  console.warn(`${code}: ${message}`);
};

/** The whole payment: `paid`, `cancelled` or `refused`, with the wallet's words. */
const pay = async (wallet, colour, params) => {
  try {
    const opened = await post(`/simulator/${wallet}/bridge`, { page: location.href, params });
    if (opened.ok && !(await confirmed(opened.body, colour))) return { end: "cancelled", message: "cancelled" };
    const answered = opened.ok ? await post(opened.body.pay, {}) : opened;
    if (answered.ok) return { end: "paid", message: "" };
    complain(answered.body);
    return { end: "refused", ...answered.body };
  } catch (error) {
    complain({ code: "NETWORK", message: String(error) });
    return { end: "unknown", message: String(error) };
  }
};

/** A wallet gives its bridge to a page some time after it is loaded, and tells the page by an event. */
const provide = (name, bridge) => document.addEventListener("DOMContentLoaded", () => setTimeout(() => {
  window[name] = bridge;
  document.dispatchEvent(new Event(`${name}Ready`));
}, 50));
