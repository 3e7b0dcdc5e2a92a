// The search: type, narrow, turn pages. The address holds the state; the list's token rides along in the history.

import { wasAborted } from "../api.js";
import { announce, el } from "../dom.js";
import { total } from "../format.js";
import { queryBar } from "../combobox.js";
import { pickedBar } from "../explain/picked.js";
import { problemNotice } from "../problem_notice.js";
import { keepQueryInLinks } from "../view_links.js";
import { answerOf } from "./answering.js";
import { card } from "./cards.js";
import { facetPanel, filterChips } from "./facets.js";
import { paging, shownRange } from "./paging.js";
import { address, readState, searchOf, toggled } from "./state.js";
import { alsoAsked, degradedNotice, trace } from "./trace.js";

const SORTS = [["", "Best match"], ["price:asc", "Price, low to high"], ["price:desc", "Price, high to low"]];

export async function show(main, options) {
  let state = readState();
  let running = null;

  const bar = queryBar({
    label: "Search products", value: state.q, placeholder: "Search products",
    onType: (q) => go({ ...state, q, page: 1 }, { replace: true, typed: true }),
    onChoose: (q) => go({ ...state, q, page: 1 }),
  });
  const sort = el(
    "select", { id: "sort", onchange: () => go({ ...state, sort: sort.value, page: 1 }) },
    SORTS.map(([value, text]) => el("option", { value, selected: value === state.sort }, text)),
  );
  const facets = el("div", { class: "facets" });
  const facetFold = el("details", { class: "facet-fold", open: matchMedia("(min-width: 56rem)").matches }, el("summary", {}, "Filter"), facets);
  const chips = el("div");
  const head = el("h1", { class: "result-count", tabindex: "-1" });
  const story = el("div", { class: "story" });
  const notices = el("div", { class: "notices" });
  const list = el("ol", { class: "cards" });
  const pages = el("div");
  const results = el(
    "section", { class: "results", "aria-label": "Results" },
    el("div", { class: "result-head" }, head, el("div", { class: "sort" }, el("label", { for: "sort", class: "label" }, "Sort by"), sort)),
    story, chips, notices, list, pages,
  );
  main.append(bar.root, el("div", { class: "search-body" }, el("aside", { "aria-label": "Filters" }, facetFold), results), pickedBar());

  const toggle = (field, value, single) => {
    const filters = new Map(state.filters);
    if (value === null) filters.delete(field);
    go({ ...state, filters: value === null ? filters : toggled(state.filters, field, value, single), page: 1 });
  };

  /** A new state: another entry of the history, or the same one while somebody types. */
  function go(next, { replace = false, token = "", typed = false } = {}) {
    state = next;
    const same = address(state) === location.pathname + location.search;
    history[replace || same ? "replaceState" : "pushState"]({ token }, "", address(state));
    return run({ typed });
  }

  async function run({ typed = false } = {}) {
    running?.abort();
    const mine = new AbortController();
    running = mine;
    results.setAttribute("aria-busy", "true");
    try {
      const found = await answerOf(state, options, { token: history.state?.token, signal: mine.signal });
      if (mine.signal.aborted) return;
      history.replaceState({ ...history.state, token: found.answer.page.token }, "");
      render(found, typed);
    } catch (error) {
      if (wasAborted(error) || mine.signal.aborted) return;
      notices.replaceChildren(problemNotice(error));
      list.replaceChildren();
      pages.replaceChildren();
      story.replaceChildren();
      head.textContent = "No answer";
    }
    results.removeAttribute("aria-busy");
  }

  function render({ answer, facets: groups, renewed }, typed) {
    document.title = state.q ? `${state.q} – multirecall` : "multirecall";
    if (document.activeElement !== bar.input) bar.input.value = state.q;
    sort.value = state.sort;
    keepQueryInLinks();
    head.textContent = (state.page > 1 ? shownRange(state, answer) : "") + total(answer.hits.total);
    story.replaceChildren(trace(answer));
    const panel = facetPanel(groups, state.filters, options.minor_units, toggle);
    const focused = document.activeElement?.closest?.(".facet") && document.activeElement;
    facets.replaceChildren(...panel);
    if (focused) refocus(facets, focused);
    facetFold.hidden = !panel.length;
    chips.replaceChildren(filterChips(state.filters, toggle));
    notices.replaceChildren(...noticesOf(answer, renewed));
    const search = searchOf(state);
    list.replaceChildren(...answer.hits.hits.map((hit) => card(hit, search, options)));
    list.start = (state.page - 1) * 24 + 1;
    pages.replaceChildren(paging(state, answer, turn));
    if (!typed) announce(`${total(answer.hits.total)}${state.page > 1 ? `, page ${state.page}` : ""}`);
  }

  function noticesOf(answer, renewed) {
    const found = [alsoAsked(answer), degradedNotice(answer)];
    if (renewed) found.push(el("p", { class: "notice" }, "The list had expired and was made anew: products may stand in other places."));
    const gone = answer.page.gone.length;
    if (gone) found.push(el("p", { class: "notice" }, `${gone} of these products ${gone === 1 ? "was" : "were"} deleted since the search; their places stay empty.`));
    if (!answer.hits.hits.length && !gone) {
      found.push(el("p", { class: "empty" }, state.filters.size ? "Nothing matches with these filters." : "Nothing found. Try other words, or fewer of them."));
    }
    return found.filter(Boolean);
  }

  async function turn(page) {
    await go({ ...state, page }, { token: history.state?.token });
    scrollTo({ top: 0 });
    head.focus({ preventScroll: true });
  }

  addEventListener("popstate", () => {
    state = readState();
    bar.input.value = state.q;
    run();
  });
  if (!state.q && !state.filters.size && matchMedia("(hover: hover)").matches) bar.input.focus();
  await run();
}

/** The same box of the new panel, so that the keyboard goes on where it was. */
function refocus(panel, before) {
  const twin = [...panel.querySelectorAll("input")].find(
    (input) => input.value === before.value && input.dataset.facet === before.dataset?.facet,
  );
  twin?.focus();
}
