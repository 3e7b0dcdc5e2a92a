// How the routes and the cache do, by the service's own figures since it started.

import { el } from "../dom.js";
import { bytes, count, ms } from "../format.js";
import { routeChip } from "../search/routes.js";
import { labelValues, quantile, samples, sum } from "./prometheus.js";
import { mark, table } from "./tables.js";

const SEARCH = "multirecall_search_seconds";

const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)} %` : "–");

const time = (seconds) => (seconds === null ? "–" : ms(seconds * 1000));

/** A part whose breaker is open is not asked for some seconds, because it failed too often. */
const isOpen = (all, part) => sum(all, "multirecall_breaker_open", { part }) > 0;

function routeState(all, route, n, degraded) {
  if (isOpen(all, route)) return mark(false, "left out for now");
  if (degraded) return mark(null, "degraded at times");
  return n ? mark(true, "works") : "not asked yet";
}

export function routeSection(text, options) {
  const all = samples(text);
  const others = labelValues(all, "multirecall_breaker_open", "part").filter((part) => !options.routes.includes(part) && isOpen(all, part));
  const told = others.map((part) => el("p", {}, mark(false, `${part} is not asked for now: it failed too often.`)));
  return [...told, routeTable(all, options)];
}

function routeTable(all, options) {
  const names = [...options.routes, "all"];
  return table(
    "Routes since the start of this process",
    [["Route", false], ["", false], ["Searches", true], ["Median", true], ["95 %", true], ["Degraded", true]],
    names.map((route) => {
      const n = sum(all, `${SEARCH}_count`, { route });
      const degraded = route === "all" ? null : sum(all, "multirecall_degraded_total", { route });
      return [
        route === "all" ? "whole search" : routeChip(route), route === "all" ? "" : routeState(all, route, n, degraded), count(n),
        time(quantile(all, SEARCH, { route }, 0.5)), time(quantile(all, SEARCH, { route }, 0.95)),
        degraded === null ? "" : count(degraded),
      ];
    }),
  );
}

const READABLE = /^multirecall_\w*cache_/;

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
  const kept = sum(all, "multirecall_cache_bytes");
  const more = all.filter((one) => READABLE.test(one.name) && !/_(created|bucket)$/.test(one.name));
  const parts = [
    rows.length
      ? table("Searches by what the cache did", [["Answer", false], ["Searches", true], ["Share", true]], rows)
      : el("p", { class: "hushed small" }, "No search yet."),
  ];
  if (kept) parts.push(el("p", { class: "small hushed" }, `${bytes(kept)} kept in the memory of this process.`));
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
