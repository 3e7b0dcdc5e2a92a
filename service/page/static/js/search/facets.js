// Facets: checkboxes with counts; ranges of prices, of which one can be chosen, as radio buttons.

import { el, freshId } from "../dom.js";
import { count } from "../format.js";
import { isExpressible, isRange } from "./state.js";

const NAMES = { brand: "Brand", category: "Category", price: "Price", in_stock: "In stock" };

export function fieldName(field) {
  const plain = field.replace(/^attributes\./, "").replaceAll("_", " ");
  return NAMES[field] ?? plain[0].toUpperCase() + plain.slice(1);
}

const isRangeBucket = (bucket) => "from" in bucket || "to" in bucket;

/** Prices are counted in their smallest unit and filtered as people write them. */
function valueOf(field, bucket, minorUnits) {
  if (!isRangeBucket(bucket)) return String(bucket.key);
  const unit = field === "price" ? 10 ** minorUnits : 1;
  const end = (number) => (number === null || number === undefined ? "" : String(number / unit));
  return `${end(bucket.from)}-${end(bucket.to)}`;
}

/** A chosen value in words. */
export function valueName(field, value) {
  if (isRange(field, value)) {
    const [from, to] = value.split("-");
    if (!from) return `under ${to}`;
    return to ? `${from} to ${to}` : `${from} and more`;
  }
  if (field === "in_stock") return value === "true" ? "yes" : "no";
  return value;
}

function facetGroup({ field, buckets }, chosen, minorUnits, onToggle) {
  const single = buckets.some(isRangeBucket);
  const shown = new Map(buckets.map((bucket) => [valueOf(field, bucket, minorUnits), bucket.count]));
  for (const value of chosen) if (!shown.has(value)) shown.set(value, 0);
  const name = freshId(field);
  const rows = [...shown]
    .filter(([value, n]) => n > 0 || chosen.includes(value))
    .map(([value, n]) => {
      const checked = chosen.includes(value);
      return el(
        "label", { class: "tick facet-value" },
        el("input", {
          type: single ? "radio" : "checkbox", name, value, checked, disabled: !isRange(field, value) && !isExpressible(value),
          dataset: { facet: field },
          onchange: () => onToggle(field, value, single),
        }),
        el("span", { class: "facet-name" }, valueName(field, value)),
        el("span", { class: "facet-count" }, count(n)),
      );
    });
  const clear = chosen.length > 0 && el(
    "button", { type: "button", class: "link", onclick: () => onToggle(field, null, single) },
    "Any", el("span", { class: "unseen" }, ` ${fieldName(field)}`),
  );
  return el("fieldset", { class: "facet", dataset: { field } }, el("legend", {}, el("span", {}, fieldName(field)), clear), rows);
}

/** `onToggle(field, value, single)`; a value of null takes the field's choices back. */
export function facetPanel(facets, filters, minorUnits, onToggle) {
  return facets
    .filter(({ field, buckets }) => filters.has(field) || buckets.filter((bucket) => bucket.count > 0).length > 1)
    .map((facet) => facetGroup(facet, filters.get(facet.field) ?? [], minorUnits, onToggle));
}

/** The chosen filters as buttons that take them back. */
export function filterChips(filters, onToggle) {
  const chips = [...filters].flatMap(([field, values]) =>
    values.map((value) =>
      el(
        "button",
        {
          type: "button", class: "plain filter-chip", "aria-label": `Remove filter ${fieldName(field)}: ${valueName(field, value)}`,
          onclick: () => onToggle(field, value, isRange(field, value)),
        },
        `${fieldName(field)}: ${valueName(field, value)}`, el("span", { "aria-hidden": "true" }, " ×"),
      ),
    ),
  );
  return el("div", { class: "filter-chips", hidden: !chips.length }, chips);
}
