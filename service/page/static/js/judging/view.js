// Judging: one product at a time, blind to the route, by the keys 0 to 3.

import { el } from "../dom.js";
import { counted } from "../format.js";
import { queryBar } from "../combobox.js";
import { judgedField } from "../compare/judged_field.js";
import { problemNotice } from "../problem_notice.js";
import { readState } from "../search/state.js";
import { download, toCsv } from "./csv.js";
import { desk } from "./desk.js";
import { poolOf } from "./pool.js";
import { allGrades, countGrades, dropAll } from "./store.js";

const today = () => new Date().toISOString().slice(0, 10);

export async function show(main, options) {
  let query = readState().q;
  const number = (id, label, value, min, max) => {
    const input = el("input", { type: "number", id, value, min, max, step: 1 });
    return { input, field: el("div", { class: "field" }, el("label", { for: id }, label), input) };
  };
  const depth = number("depth", "Products from each list", 10, 1, 100);
  const seed = number("seed", "Seed of the order", 1, 0, 999999);
  const skip = el("input", { type: "checkbox", id: "skip", checked: true });
  const bar = queryBar({ label: "Query to judge", value: query, placeholder: "A query to judge", action: "Start", onChoose: start });
  const place = el("div", { class: "judge-body" });
  const kept = el("div", { class: "judge-kept" });

  main.append(
    el("h1", {}, "Judge"),
    bar.root,
    el(
      "div", { class: "judge-settings" },
      options.judged_queries ? judgedField((text) => { bar.input.value = text; start(text); }) : "",
      depth.field, seed.field,
      options.judged_queries ? el("label", { class: "tick", for: "skip" }, skip, "Leave out what is judged already") : "",
    ),
    place, kept,
  );

  function renderKept() {
    const n = countGrades();
    const queries = Object.keys(allGrades()).length;
    kept.replaceChildren(
      el("p", { class: "kept-count" }, n ? `${counted(n, "grade")} for ${counted(queries, "query", "queries")} kept in this browser.` : "No grade is kept in this browser yet."),
      el(
        "div", { class: "kept-tools" },
        el("button", { type: "button", class: "plain", id: "export", disabled: !n, onclick: () => download(toCsv(allGrades()), `judgments-${today()}.csv`) }, "Export as CSV"),
        el("button", { type: "button", class: "quiet", disabled: !n, onclick: forget }, "Forget all"),
      ),
    );
  }

  function forget() {
    if (!confirm(`Forget ${counted(countGrades(), "grade")}? Export them first if they are worth something.`)) return;
    dropAll();
    renderKept();
    if (query) start(query);
  }

  async function start(text) {
    query = text.trim();
    const params = new URLSearchParams(location.search);
    if (query !== (params.get("q") ?? "")) history.pushState({}, "", query ? `?${new URLSearchParams({ q: query })}` : location.pathname);
    await load();
  }

  async function load() {
    if (!query) {
      place.replaceChildren(el("p", { class: "empty" }, "Choose a query. Its pool is the top of every route and of two ways to merge them; it comes in a random order that the seed fixes, and nothing says which route brought a product."));
      return;
    }
    document.title = `${query} – judge`;
    place.replaceChildren(el("p", { class: "hushed" }, "Collecting the products …"));
    try {
      const pool = await poolOf(query, {
        depth: Number(depth.input.value) || 10, seed: seed.input.value, skipJudged: skip.checked, hasJudgments: options.judged_queries > 0,
      });
      place.replaceChildren(desk(pool, options, renderKept));
      place.querySelector(".desk")?.focus({ preventScroll: true });
    } catch (error) {
      place.replaceChildren(problemNotice(error));
    }
  }

  addEventListener("popstate", () => {
    query = readState().q;
    bar.input.value = query;
    load();
  });
  renderKept();
  await load();
  if (!query) bar.input.focus();
}
