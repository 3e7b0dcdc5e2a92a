// How an answer came about: what each stage and route took, what is missing, and where the list came from.

import { el, svg } from "../dom.js";
import { age, count, ms } from "../format.js";
import { routeChip } from "./routes.js";

const STATUS = {
  timed_out: "was too late", failed: "failed", partial: "gave only a part", skipped: "is left out for now",
};

export function cacheNote({ status, level, age_ms: old }) {
  if (status === "hit") return `from ${level || "cache"}, ${age(old)} old`;
  if (status === "stale") return `from ${level || "cache"}, ${age(old)} old, being renewed`;
  if (status === "off") return "computed now";
  return status === "bypass" ? "computed anew" : "computed now";
}

/** What the answer lacks, in a sentence for each; nothing if all is well. */
export function degradedNotice(answer) {
  const missing = Object.entries(answer.degraded);
  if (!missing.length) return "";
  return el(
    "div", { class: "notice degraded", role: "status" },
    missing.map(([route, status]) =>
      el(
        "p", {}, el("strong", {}, route), ` ${STATUS[status] ?? status}. What it alone would have found is missing here.`,
        answer.routes[route]?.error ? el("span", { class: "small" }, ` (${answer.routes[route].error})`) : "",
      ),
    ),
  );
}

/** The other texts that were asked for, each with how sure it is; nothing if the words as typed were all. */
export function alsoAsked(answer) {
  const others = answer.rewrites.filter((one) => typeof one.confidence === "number");
  if (!others.length) return "";
  return el(
    "p", { class: "also-asked small hushed" }, "Also asked: ",
    others.map((one, at) => [
      at ? ", " : "",
      el("span", { title: [`${Math.round(one.confidence * 100)} % sure, by ${one.by}`, ...one.log].join("; ") }, one.after),
    ]),
  );
}

/** What was done to the text, and how sure that is where the text as typed was asked as well. */
const rewriteFact = ({ before, after, confidence, log }) =>
  typeof confidence === "number" ? `${after} (${[`${Math.round(confidence * 100)} %`, ...log].join("; ")})` : `${before} → ${after}`;

const TONES = ["var(--accent)", "var(--lexical)", "var(--dense)", "var(--third)", "var(--fourth)", "var(--edge)"];

function stageBar(stages) {
  const whole = stages.reduce((sum, [, took]) => sum + took, 0) || 1;
  let x = 0;
  const parts = stages.map(([, took], at) => {
    const width = (took / whole) * 100;
    const part = svg("rect", { x, y: 0, width: Math.max(0, width - 0.3), height: 6, rx: 0.6, fill: TONES[at % TONES.length] });
    x += width;
    return part;
  });
  return svg("svg", { viewBox: "0 0 100 6", preserveAspectRatio: "none", class: "stage-bar", "aria-hidden": "true" }, parts);
}

function routeRows(routes) {
  return Object.entries(routes).map(([name, route]) =>
    el(
      "tr", {},
      el("td", {}, routeChip(name)),
      el("td", {}, route.status.replace("_", " "), route.error ? el("span", { class: "hushed" }, ` ${route.error}`) : ""),
      el("td", { class: "number" }, String(route.hits)),
      el("td", { class: "number" }, route.total === null ? "unknown" : String(route.total)),
      el("td", { class: "number" }, ms(route.took_ms)),
      el("td", { class: "number" }, ms(route.prepared_ms)),
    ),
  );
}

const counted = ({ aggregations_over: over, routes }) => routes[over]?.total ?? null;

/** The facets count what one route matches; with a facet chosen, that route matches as many as the facet said. */
function facetKind(answer) {
  const over = answer.aggregations_over;
  if (!over) return "nothing";
  const matches = counted(answer);
  return matches === null ? `the nearest that ${over} found` : `the ${matches} products that ${over} matches`;
}

/** One line, which opens to the whole story. */
export function trace(answer) {
  const stages = Object.entries(answer.timings_ms).filter(([, took]) => took > 0);
  const heads = ["Route", "Status", "Hits", "Matches", "Engine", "Model"];
  return el(
    "details", { class: "trace" },
    el("summary", {}, [`${ms(answer.took_ms)}, ${cacheNote(answer.cache)}`, counted(answer) !== null && `facets count ${count(counted(answer))}`].filter(Boolean).join("; ")),
    el(
      "div", { class: "trace-body" },
      stages.length ? stageBar(stages) : "",
      el(
        "ul", { class: "stages" },
        stages.map(([name, took], at) =>
          el("li", { class: "chip", style: { "--of-route": TONES[at % TONES.length] } }, `${name} ${ms(took)}`),
        ),
      ),
      el(
        "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Routes of this answer" },
        el(
          "table", {},
          el("thead", {}, el("tr", {}, heads.map((head, at) => el("th", { scope: "col", class: at > 1 ? "number" : "" }, head)))),
          el("tbody", {}, routeRows(answer.routes)),
        ),
      ),
      el(
        "dl", { class: "facts" },
        el("dt", {}, "Index"), el("dd", {}, el("code", {}, answer.generation || "–")),
        el("dt", {}, "Fusion"), el("dd", {}, el("code", {}, answer.fusion)),
        el("dt", {}, "Facets count"), el("dd", {}, facetKind(answer)),
        answer.rewrites.map((one) => [el("dt", {}, one.by), el("dd", {}, rewriteFact(one))]),
        answer.request_id ? [el("dt", {}, "Request"), el("dd", {}, el("code", {}, answer.request_id))] : "",
      ),
      answer.notes.length ? el("ul", { class: "notes small" }, answer.notes.map((note) => el("li", {}, note))) : "",
    ),
  );
}
