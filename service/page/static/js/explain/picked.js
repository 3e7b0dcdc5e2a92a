// Two products can be picked, to ask why one stands before the other.

import { announce, el } from "../dom.js";
import { openWhy } from "./dialog.js";

let picked = [];
let bar = null;

function changed() {
  for (const button of document.querySelectorAll("button[data-pick]")) {
    const at = picked.findIndex((one) => one.id === button.dataset.pick);
    button.setAttribute("aria-pressed", String(at >= 0));
    button.firstChild.data = at >= 0 ? `Picked ${"AB"[at]}` : "Pick";
  }
  if (!bar) return;
  bar.hidden = !picked.length;
  const names = picked.map(({ product }, at) =>
    el("span", { class: "picked-name" }, el("strong", {}, "AB"[at]), ` ${product.title || product.id}`),
  );
  bar.replaceChildren(
    el("div", { class: "picked-names" }, names, picked.length === 1 && el("span", { class: "hushed" }, "Pick another one to compare with.")),
    el(
      "div", { class: "picked-tools" },
      el("button", { type: "button", class: "strong", disabled: picked.length < 2, id: "why", onclick: () => openWhy(picked[0].search, ...picked) }, "Why this order?"),
      el("button", { type: "button", class: "quiet", onclick: clearPicked }, "Clear"),
    ),
  );
}

export function clearPicked() {
  picked = [];
  changed();
}

function toggle(search, id, product) {
  const inside = picked.some((one) => one.id === id);
  const sameSearch = picked.filter((one) => JSON.stringify(one.search) === JSON.stringify(search) && one.id !== id);
  picked = inside ? sameSearch : [...sameSearch.slice(-1), { search, id, product }];
  changed();
  announce(picked.length === 2 ? "Two products picked: ask why below the list." : `${picked.length} picked`);
}

export function pickButton(search, id, product) {
  const at = picked.findIndex((one) => one.id === id);
  return el(
    "button",
    { type: "button", class: "link pick", "aria-pressed": String(at >= 0), dataset: { pick: id }, onclick: () => toggle(search, id, product) },
    at >= 0 ? `Picked ${"AB"[at]}` : "Pick", el("span", { class: "unseen" }, ` ${product.title ?? ""}`),
  );
}

/** The bar that stays at the lower edge while something is picked. */
export function pickedBar() {
  bar = el("div", { class: "picked-bar", role: "region", "aria-label": "Picked products", hidden: true });
  changed();
  return bar;
}
