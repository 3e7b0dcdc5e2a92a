// Each route has one colour on all views, by its place among the service's routes; its name always stands beside it.

import { el } from "../dom.js";

let known = [];

export function knowRoutes(names) {
  known = names;
}

export function routeClass(name) {
  const at = known.indexOf(name);
  return at >= 0 ? `route-${(at % 4) + 1}` : "";
}

/** What is said of routes, in the order of the routes. */
export const inOrder = (sources) => [...sources].sort((a, b) => known.indexOf(a.route) - known.indexOf(b.route));

export function routeChip(name, text = name, title) {
  return el("span", { class: `chip ${routeClass(name)}`, title }, text);
}
