// Lines between equal products of neighbouring columns, drawn over the gaps.

import { svg } from "../dom.js";

function pathBetween(left, right, origin) {
  const a = left.getBoundingClientRect();
  const b = right.getBoundingClientRect();
  const x1 = a.right - origin.left;
  const x2 = b.left - origin.left;
  const y1 = a.top + a.height / 2 - origin.top;
  const y2 = b.top + b.height / 2 - origin.top;
  const bend = (x2 - x1) * 0.5;
  return `M${x1.toFixed(1)} ${y1.toFixed(1)}C${(x1 + bend).toFixed(1)} ${y1.toFixed(1)} ${(x2 - bend).toFixed(1)} ${y2.toFixed(1)} ${x2.toFixed(1)} ${y2.toFixed(1)}`;
}

/** Draws into `layer` again; `columns` are lists of entries, each with `dataset.id`. */
export function drawLines(layer, board, columns) {
  const origin = board.getBoundingClientRect();
  layer.setAttribute("viewBox", `0 0 ${board.scrollWidth} ${board.scrollHeight}`);
  layer.setAttribute("width", board.scrollWidth);
  layer.setAttribute("height", board.scrollHeight);
  const paths = [];
  for (let at = 0; at + 1 < columns.length; at += 1) {
    const right = new Map(columns[at + 1].map((entry) => [entry.dataset.id, entry]));
    for (const entry of columns[at]) {
      const twin = right.get(entry.dataset.id);
      if (!twin) continue;
      const path = svg("path", { d: pathBetween(entry, twin, origin), class: entry.classList.contains("is-lit") ? "is-lit" : "" });
      path.dataset.id = entry.dataset.id;
      paths.push(path);
    }
  }
  layer.replaceChildren(...paths);
}
