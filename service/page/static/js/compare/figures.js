// What two lists have in common, and how good each is where the query is judged.

import { el, svg } from "../dom.js";
import { figure, ms } from "../format.js";
import { judgedAmong, ndcg } from "../ndcg.js";

const TOP = 10;

function meter(value) {
  return svg(
    "svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", class: "meter", "aria-hidden": "true" },
    svg("rect", { width: 100, height: 6, class: "meter-ground" }),
    svg("rect", { width: 100 * value, height: 6, class: "meter-value" }),
  );
}

function side(name, answer, judged) {
  const ids = answer.hits.hits.map((hit) => hit.id);
  const value = judged && ndcg(ids, judged.grades, TOP);
  const quality = value === null || value === undefined
    ? el("p", { class: "hushed" }, judged ? "no relevant product is known" : "not judged")
    : [
        el("p", { class: "ndcg" }, figure(value)), meter(value),
        el("p", { class: "small hushed" }, `nDCG@10; ${judgedAmong(ids, judged.grades, TOP)} of ${Math.min(TOP, ids.length)} judged`),
      ];
  return el(
    "div", { class: "figure", dataset: { side: name } },
    el("h2", {}, name), quality, el("p", { class: "small hushed" }, `${ms(answer.took_ms)} · `, el("code", {}, answer.fusion)),
  );
}

export function comparisonFigures(a, b, judged) {
  const top = (answer) => answer.hits.hits.slice(0, TOP).map((hit) => hit.id);
  const common = top(a).filter((id) => top(b).includes(id)).length;
  const values = judged ? [a, b].map((answer) => ndcg(answer.hits.hits.map((hit) => hit.id), judged.grades, TOP)) : [null, null];
  const difference = values.includes(null) ? null : values[1] - values[0];
  return el(
    "div", { class: "figures" },
    side("A", a, judged),
    el(
      "div", { class: "figure between" },
      el("p", { class: "common" }, `${common} of ${Math.max(top(a).length, top(b).length)}`), el("p", { class: "small hushed" }, "in common in the first ten"),
      difference !== null &&
        el("p", { class: "small" }, Math.abs(difference) < 0.0005 ? "Equally good." : `${difference > 0 ? "B" : "A"} is better by ${figure(Math.abs(difference))}; one query proves nothing.`),
    ),
    side("B", b, judged),
  );
}
