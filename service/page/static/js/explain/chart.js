// The contribution chart: one row a share, a bar to the right for it and to the left against it. A table, so that it
// reads without eyes; the bars are drawn beside the numbers.

import { el, svg } from "../dom.js";
import { figure, signed } from "../format.js";

const SHOWN = 12;

/** Zero stands in the middle where anything speaks against it, else at the left edge. */
function bar(value, largest, oneSided) {
  const half = oneSided ? 0.5 : 50;
  const width = largest ? (Math.abs(value) / largest) * (oneSided ? 99 : 49) : 0;
  return svg(
    "svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", class: "share-bar", "aria-hidden": "true" },
    svg("rect", { x: value < 0 ? half - width : half, y: 1.5, width: Math.max(width, 0.4), height: 7, class: value < 0 ? "against" : "for" }),
    svg("line", { x1: half, x2: half, y1: 0, y2: 10, class: "zero", "vector-effect": "non-scaling-stroke" }),
  );
}

/**
 * Rows of `{name, description, value, amount}`; `value` is a list of what was seen, one for each head in `seen`.
 * The smallest are added up in one row, so that all rows together give the sum.
 */
export function chart({ rows, seen, amountHead, caption }) {
  const sorted = [...rows].sort((a, b) => Math.abs(b.amount) - Math.abs(a.amount));
  const shown = sorted.slice(0, SHOWN);
  const rest = sorted.slice(SHOWN);
  if (rest.length) {
    const amount = rest.reduce((sum, row) => sum + row.amount, 0);
    shown.push({ name: `${rest.length} others`, description: `${rest.length} smaller ones together`, values: seen.map(() => undefined), amount });
  }
  const largest = Math.max(...shown.map((row) => Math.abs(row.amount)), 0);
  const oneSided = shown.every((row) => row.amount >= 0);
  const small = shown.some((row) => row.amount && Math.abs(row.amount) < 0.001);
  return el(
    "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table", { class: "chart" },
      el("caption", { class: "unseen" }, caption),
      el(
        "thead", {},
        el(
          "tr", {}, el("th", { scope: "col" }, "What"),
          seen.map((head) => el("th", { scope: "col", class: "number" }, head)),
          el("th", { "aria-hidden": "true", class: "bar-cell" }, ""), el("th", { scope: "col", class: "number" }, amountHead),
        ),
      ),
      el(
        "tbody", {},
        shown.map((row) =>
          el(
            "tr", {},
            el("th", { scope: "row", title: row.name }, row.description || row.name),
            row.values.map((value) => el("td", { class: "number" }, value === undefined ? "" : value === null ? "missing" : seenValue(value))),
            el("td", { class: "bar-cell" }, bar(row.amount, largest, oneSided)),
            el("td", { class: "number" }, signed(row.amount, small ? 5 : 3)),
          ),
        ),
      ),
    ),
  );
}

function seenValue(value) {
  return Number.isInteger(value) ? String(value).replace("-", "−") : figure(value, Math.abs(value) < 1 ? 3 : 2);
}
