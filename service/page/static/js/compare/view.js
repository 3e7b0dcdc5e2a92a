// Two settings side by side, for one query.

import { judgments, searchAll } from "../api.js";
import { announce, el } from "../dom.js";
import { queryBar } from "../combobox.js";
import { board } from "../columns/board.js";
import { openExplanation } from "../explain/dialog.js";
import { gradeMark } from "../grades.js";
import { problemNotice } from "../problem_notice.js";
import { expressions, readState } from "../search/state.js";
import { degradedNotice } from "../search/trace.js";
import { keepQueryInLinks } from "../view_links.js";
import { comparisonFigures } from "./figures.js";
import { judgedField } from "./judged_field.js";
import { readSide, sideForm, sideOf, writeSide } from "./settings.js";

const SHOWN = 20;

function moved(hit, other) {
  const twin = other.hits.hits.find((one) => one.id === hit.id);
  if (!twin) return "only here";
  if (twin.rank === hit.rank) return "same place";
  const steps = Math.abs(twin.rank - hit.rank);
  return hit.rank < twin.rank ? `${steps} higher` : `${steps} lower`;
}

function column(name, answer, other, judged, searched) {
  return {
    name,
    note: `${answer.hits.hits.length} shown`,
    entries: answer.hits.hits.map((hit) => ({
      id: hit.id, rank: hit.rank, product: hit.product, facts: moved(hit, other),
      badge: judged ? gradeMark(judged.grades[hit.id]) : "",
      onOpen: () => openExplanation(searched, hit.id, hit.product),
    })),
  };
}

export async function show(main, options) {
  const known = options.routes;
  let state;
  let sides;
  let turn = 0;

  function read() {
    const params = new URLSearchParams(location.search);
    state = readState();
    sides = {
      A: readSide(params, "a", known, { routes: known, fusion: "default" }),
      B: readSide(params, "b", known, { routes: known, fusion: "rrf?k=60" }),
    };
  }

  read();
  const bar = queryBar({ label: "Query to compare", value: state.q, placeholder: "A query to compare", action: "Compare", onChoose: (q) => go({ q }) });
  const forms = el("div", { class: "sides" });
  const place = el("div", { class: "compare-body" });
  main.append(el("h1", {}, "Compare two settings"), bar.root, options.judged_queries ? judgedField((q) => { bar.input.value = q; go({ q }); }) : "", forms, place);

  function renderForms() {
    const held = document.activeElement?.dataset ?? {};
    forms.replaceChildren(
      ...["A", "B"].map((name) =>
        sideForm(name, sides[name], known, (setting) => {
          sides = { ...sides, [name]: setting };
          go({});
        }),
      ),
    );
    if (held.control) forms.querySelector(`[data-side="${held.side}"][data-control="${held.control}"]`)?.focus();
  }

  function go({ q = state.q }) {
    state = { ...state, q };
    const params = new URLSearchParams();
    if (q) params.set("q", q);
    for (const [field, values] of state.filters) for (const value of values) params.append(`f.${field}`, value);
    writeSide(params, "a", sides.A, known);
    writeSide(params, "b", sides.B, known);
    history.pushState({}, "", `${location.pathname}?${params}`);
    return run();
  }

  async function run() {
    turn += 1;
    const mine = turn;
    renderForms();
    keepQueryInLinks();
    if (!state.q.trim()) {
      place.replaceChildren(el("p", { class: "empty" }, "Type a query. Both settings answer it, and lines connect the same product in both lists. Where the query is judged, each list gets its nDCG@10."));
      return;
    }
    const searches = ["A", "B"].map((name) => ({
      query: state.q, filters: expressions(state.filters), size: SHOWN, ...sideOf(sides[name], known),
    }));
    try {
      const [[a, b], judged] = await Promise.all([searchAll(searches), options.judged_queries ? judgments(state.q) : null]);
      if (mine !== turn) return;
      const failed = [a, b].find((answer) => !answer.hits);
      if (failed) throw Object.assign(new Error(failed.title), { detail: failed.detail });
      const grades = judged?.qid ? judged : null;
      document.title = `${state.q} – compare`;
      place.replaceChildren(
        comparisonFigures(a, b, grades), degradedNotice(a) || degradedNotice(b),
        board([column("A", a, b, grades, searches[0]), column("B", b, a, grades, searches[1])], "Both lists"),
      );
      announce("Both settings have answered.");
    } catch (error) {
      if (mine === turn) place.replaceChildren(problemNotice(error));
    }
  }

  addEventListener("popstate", () => {
    read();
    bar.input.value = state.q;
    run();
  });
  await run();
}
