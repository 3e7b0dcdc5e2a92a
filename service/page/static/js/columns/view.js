// Every route's own list beside the fused one.

import { search, wasAborted } from "../api.js";
import { announce, el } from "../dom.js";
import { counted, figure, ms, total } from "../format.js";
import { queryBar } from "../combobox.js";
import { openExplanation } from "../explain/dialog.js";
import { problemNotice } from "../problem_notice.js";
import { filterChips } from "../search/facets.js";
import { routeClass } from "../search/routes.js";
import { address, readState, searchOf, toggled } from "../search/state.js";
import { degradedNotice, trace } from "../search/trace.js";
import { keepQueryInLinks } from "../view_links.js";
import { board } from "./board.js";

const DEPTHS = [10, 20, 50];

/** The fused list in the middle, half of the routes on either side. */
function columnsOf(answer, searched) {
  const bodies = { ...answer.products, ...Object.fromEntries(answer.hits.hits.map((hit) => [hit.id, hit.product])) };
  const open = (id) => () => openExplanation(searched, id, bodies[id] ?? { id });
  const routes = Object.entries(answer.routes)
    .filter(([, route]) => route.top)
    .map(([name, route]) => ({
      name,
      className: routeClass(name),
      note: `${route.status.replace("_", " ")} · ${counted(route.hits, "candidate")} · ${ms(route.took_ms + route.prepared_ms)}`,
      entries: route.top.map(({ id, rank, score }) => ({ id, rank, product: bodies[id], facts: figure(score), onOpen: open(id) })),
    }));
  const fused = {
    name: "fused",
    className: "fused",
    note: answer.fusion,
    entries: answer.hits.hits.map((hit) => ({ id: hit.id, rank: hit.rank, product: hit.product, facts: figure(hit.score), onOpen: open(hit.id) })),
  };
  const half = Math.ceil(routes.length / 2);
  return [...routes.slice(0, half), fused, ...routes.slice(half)];
}

export async function show(main, options) {
  let state = readState();
  let depth = DEPTHS[0];
  let running = null;
  const bar = queryBar({
    label: "Search products", value: state.q, placeholder: "A query to look into",
    onType: (q) => go({ ...state, q }, true),
    onChoose: (q) => go({ ...state, q }),
  });
  const size = el(
    "select", { id: "depth", onchange: () => { depth = Number(size.value); run(); } },
    DEPTHS.map((n) => el("option", { value: n }, `first ${n}`)),
  );
  const head = el("h1", { class: "result-count" }, "Columns");
  const place = el("div", { class: "columns-body" });
  main.append(
    bar.root,
    el("div", { class: "result-head" }, head, el("div", { class: "sort" }, el("label", { for: "depth", class: "label" }, "Show"), size)),
    place,
  );

  function go(next, replace = false) {
    state = { ...next, page: 1 };
    const same = address(state) === location.pathname + location.search;
    history[replace || same ? "replaceState" : "pushState"]({}, "", address(state));
    return run();
  }

  async function run() {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    keepQueryInLinks();
    const chips = filterChips(state.filters, (field, value, single) => go({ ...state, filters: toggled(state.filters, field, value, single) }));
    if (!state.q.trim()) {
      head.textContent = "Columns";
      place.replaceChildren(
        chips,
        el("p", { class: "empty" }, "Type a query. What each route finds then stands beside the fused list, and lines connect the same product; pointing at one follows it through all columns."),
      );
      return;
    }
    try {
      const searched = searchOf(state);
      const answer = await search({ ...searched, size: depth, route_hits: depth }, mine.signal);
      document.title = `${state.q} – columns`;
      head.textContent = total(answer.hits.total);
      place.replaceChildren(trace(answer), chips, degradedNotice(answer), board(columnsOf(answer, searched), "Lists of all routes"));
      announce(`${answer.hits.hits.length} products in the fused list`);
    } catch (error) {
      if (!wasAborted(error)) place.replaceChildren(chips, problemNotice(error));
    }
  }

  addEventListener("popstate", () => {
    state = readState();
    bar.input.value = state.q;
    run();
  });
  await run();
}
