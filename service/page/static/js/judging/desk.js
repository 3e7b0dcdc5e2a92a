// The desk: the product to grade, the keys, and how far it has come.

import { announce, el, svg } from "../dom.js";
import { counted, price } from "../format.js";
import { GRADES } from "../grades.js";
import { picture } from "../picture.js";
import { dropGrade, gradesOf, keepGrade } from "./store.js";

function progress(done, all) {
  const share = all ? done / all : 0;
  return el(
    "div", { class: "progress", role: "progressbar", "aria-label": "Graded", "aria-valuemin": 0, "aria-valuemax": all, "aria-valuenow": done },
    svg(
      "svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true", class: "meter" },
      svg("rect", { width: 100, height: 4, class: "meter-ground" }), svg("rect", { width: 100 * share, height: 4, class: "meter-value" }),
    ),
  );
}

function facts(product) {
  const rows = Object.entries(product.attributes ?? {}).slice(0, 24);
  return el(
    "dl", { class: "judge-facts small" },
    rows.map(([name, value]) => [
      el("dt", {}, name.replaceAll("_", " ")),
      el("dd", {}, Array.isArray(value) ? value.join(", ") : typeof value === "boolean" ? (value ? "yes" : "no") : String(value)),
    ]),
  );
}

function sheet(product, options) {
  return el(
    "div", { class: "sheet", dataset: { id: product.id } },
    picture(product),
    el(
      "div", {},
      el("p", { class: "brand" }, product.brand || "\u00a0"),
      el("h2", {}, product.title || product.id),
      el("p", { class: "price" }, price(product, options.minor_units)),
      product.category_path?.length ? el("p", { class: "small hushed" }, product.category_path.join(" › ")) : "",
      product.description ? el("p", { class: "sheet-text" }, product.description) : "",
      facts(product),
    ),
  );
}

/** `onChange` hears of every grade that was given or taken back. */
export function desk(pool, options, onChange) {
  const { qid, products } = pool;
  let at = 0;
  const root = el("section", { class: "desk", tabindex: "-1", "aria-label": `Judging ${pool.query}` });

  const given = () => gradesOf(qid);
  const nDone = () => products.filter((product) => product.id in given()).length;
  const nextOpen = (from) => {
    for (let step = 0; step < products.length; step += 1) {
      const place = (from + step) % products.length;
      if (!(products[place].id in given())) return place;
    }
    return products.length;
  };

  function go(place) {
    at = Math.max(0, Math.min(place, products.length));
    render();
    root.focus({ preventScroll: true });
  }

  function grade(value) {
    if (at >= products.length) return;
    keepGrade(pool, products[at], value);
    onChange();
    const name = GRADES.find((one) => one.grade === value).name;
    go(nextOpen(at + 1));
    announce(at < products.length ? `${name}. Next: ${products[at].title}` : `${name}. All are graded.`);
  }

  function takeBack() {
    if (at >= products.length || !(products[at].id in given())) return;
    dropGrade(qid, products[at].id);
    onChange();
    render();
  }

  function keys(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    if (document.querySelector("dialog[open]") || !root.isConnected) return;
    if (/^[0-3]$/.test(event.key)) grade(Number(event.key));
    else if (event.key === "ArrowLeft") go(at - 1);
    else if (event.key === "ArrowRight") go(at + 1);
    else if (event.key === "Backspace" || event.key === "u") takeBack();
    else return;
    event.preventDefault();
  }

  function tools(current) {
    return el(
      "div", { class: "grade-tools", role: "group", "aria-label": "Grade" },
      GRADES.map(({ grade: value, name, meaning }) =>
        el(
          "button",
          { type: "button", class: "plain grade-button", "aria-pressed": String(current === value), "aria-keyshortcuts": String(value), onclick: () => grade(value) },
          el("kbd", {}, String(value)), el("span", { class: "grade-name" }, name), el("span", { class: "small hushed" }, meaning),
        ),
      ),
    );
  }

  function render() {
    const done = nDone();
    const head = el(
      "header", { class: "desk-head" },
      el("p", { class: "desk-query" }, el("span", { class: "label" }, "Query "), el("strong", {}, pool.query)),
      el("p", { class: "small hushed" }, `${done} of ${counted(products.length, "product")} graded${pool.nKnown ? `; ${pool.nKnown} more were judged before` : ""}`),
      progress(done, products.length),
    );
    if (at >= products.length) {
      root.replaceChildren(
        head,
        el("p", { class: "empty" }, products.length ? "That was the last one. Export the grades below, or go on with another query." : "There is nothing left to judge for this query."),
        products.length ? el("button", { type: "button", class: "plain", onclick: () => go(products.length - 1) }, "Back to the last") : "",
      );
      return;
    }
    const product = products[at];
    root.replaceChildren(
      head, sheet(product, options), tools(given()[product.id]?.grade),
      el(
        "div", { class: "desk-foot" },
        el("button", { type: "button", class: "quiet", disabled: at === 0, "aria-keyshortcuts": "ArrowLeft", onclick: () => go(at - 1) }, "← Back"),
        el("span", { class: "small hushed" }, `${at + 1} / ${products.length}`),
        el("button", { type: "button", class: "quiet", "aria-keyshortcuts": "ArrowRight", onclick: () => go(at + 1) }, "Skip →"),
        el("p", { class: "small hushed key-help" }, "Keys: 0 to 3 grade, ← → move, Backspace takes a grade back."),
      ),
    );
  }

  at = nextOpen(0);
  document.addEventListener("keydown", function listen(event) {
    if (!root.isConnected) return document.removeEventListener("keydown", listen);
    return keys(event);
  });
  render();
  return root;
}
