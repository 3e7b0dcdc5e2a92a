// Lists side by side, with lines between equal products; pointing at a product lights it up in every column.

import { el, svg } from "../dom.js";
import { picture } from "../picture.js";
import { drawLines } from "./lines.js";

function elsewhere(columns, at, id) {
  return columns
    .filter((_, other) => other !== at)
    .map((column) => {
      const found = column.entries.find((entry) => entry.id === id);
      return found ? `${column.name} rank ${found.rank}` : `not in ${column.name}`;
    })
    .join(", ");
}

function entryRow(entry, columns, at) {
  const { product } = entry;
  const title = product?.title || entry.id;
  const name = entry.onOpen
    ? el("button", { type: "button", class: "entry-title", onclick: entry.onOpen }, title)
    : el("span", { class: "entry-title", tabindex: "0" }, title);
  return el(
    "li", { class: "entry", dataset: { id: entry.id } },
    el("span", { class: "entry-rank" }, String(entry.rank)),
    picture(product ?? {}),
    el(
      "div", { class: "entry-text" }, name,
      el("p", { class: "entry-facts" }, entry.facts, el("span", { class: "unseen" }, `; ${elsewhere(columns, at, entry.id)}`)),
    ),
    entry.badge ?? "",
  );
}

/** `columns`: `{name, title, note, className, entries: [{id, rank, product, facts, badge, onOpen}]}`, left to right. */
export function board(columns, label) {
  const layer = svg("svg", { class: "lines", "aria-hidden": "true" });
  const lists = columns.map((column, at) => column.entries.map((entry) => entryRow(entry, columns, at)));
  const root = el(
    "div", { class: "board", style: { "--columns": String(columns.length) } },
    layer,
    columns.map((column, at) =>
      el(
        "section", { class: `column ${column.className ?? ""}`, "aria-label": column.name },
        el("header", {}, el("h2", {}, column.title ?? column.name), el("p", { class: "small hushed" }, column.note ?? "")),
        lists[at].length ? el("ol", {}, lists[at]) : el("p", { class: "hushed small" }, "Nothing found."),
      ),
    ),
  );
  const light = (id) => {
    for (const one of root.querySelectorAll("[data-id]")) one.classList.toggle("is-lit", Boolean(id) && one.dataset.id === id);
    root.classList.toggle("has-light", Boolean(id));
    for (const path of layer.querySelectorAll(".is-lit")) layer.append(path); // over the others
  };
  root.addEventListener("pointerover", (event) => light(event.target.closest(".entry")?.dataset.id));
  root.addEventListener("pointerleave", () => light(document.activeElement?.closest?.(".entry")?.dataset.id));
  root.addEventListener("focusin", (event) => light(event.target.closest(".entry")?.dataset.id));
  root.addEventListener("focusout", () => light(""));
  const draw = () => drawLines(layer, root, lists);
  new ResizeObserver(draw).observe(root);
  document.fonts?.ready.then(draw);
  return el("div", { class: "board-scroll", tabindex: "0", role: "region", "aria-label": label }, root);
}
