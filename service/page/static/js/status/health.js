// How the routes and the cache do, by the service's own figures since it started.

import { el } from "../dom.js";
import { bytes, count, ms } from "../format.js";
import { routeChip } from "../search/routes.js";
import { labelValues, quantile, samples, sum } from "./prometheus.js";
import { mark, table } from "./tables.js";

const SEARCH = "multirecall_search_seconds";

const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "–");

const time = (seconds) => (seconds === null ? "–" : ms(seconds * 1000));

export function routeSection(text, options) {
  const all = samples(text);
  const names = [...options.routes, "all"];
  return table(
    "Routes since the start of this process",
    [["Route", false], ["", false], ["Searches", true], ["Median", true], ["95 %", true], ["Degraded", true]],
    names.map((route) => {
      const n = sum(all, `${SEARCH}_count`, { route });
      const degraded = route === "all" ? null : sum(all, "multirecall_degraded_total", { route });
      const state = !n && !degraded ? "not asked yet" : degraded ? mark(null, "degraded at times") : mark(true, "works");
      return [
        route === "all" ? "whole search" : routeChip(route), route === "all" ? "" : state, count(n),
        time(quantile(all, SEARCH, { route }, 0.5)), time(quantile(all, SEARCH, { route }, 0.95)),
        degraded === null ? "" : count(degraded),
      ];
    }),
  );
}

const READABLE = /^multirecall_(cache|list_cache|vector_cache)_?(.*)$/;

function valueOf({ name, value }) {
  return name.includes("bytes") ? bytes(value) : Number.isInteger(value) ? count(value) : value.toFixed(3);
}

export function cacheSection(text) {
  const all = samples(text);
  const states = labelValues(all, `${SEARCH}_count`, "cache");
  const whole = sum(all, `${SEARCH}_count`, { route: "all" });
  const rows = states
    .map((state) => [state || "none", sum(all, `${SEARCH}_count`, { route: "all", cache: state })])
    .filter(([, n]) => n > 0)
    .map(([state, n]) => [state, count(n), percent(n, whole)]);
  const more = all.filter((one) => READABLE.test(one.name) && !/_(created|bucket)$/.test(one.name));
  const parts = [
    rows.length
      ? table("Searches by what the cache did", [["Answer", false], ["Searches", true], ["Share", true]], rows)
      : el("p", { class: "hushed small" }, "No search yet."),
  ];
  if (more.length) {
    parts.push(
      el(
        "details", { class: "more-figures" }, el("summary", {}, "All figures of the caches"),
        table(
          "All figures of the caches", [["Figure", false], ["Value", true]],
          more.map((one) => [`${one.name.replace("multirecall_", "").replaceAll("_", " ")} ${Object.values(one.labels).join(" ")}`.trim(), valueOf(one)]),
        ),
      ),
    );
  }
  return parts;
}
