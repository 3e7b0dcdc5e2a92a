// Tables and marks of the status page.

import { el } from "../dom.js";
import { problemNotice } from "../problem_notice.js";

/** `heads`: `[text, isNumber]`; `rows`: lists of cells. */
export function table(caption, heads, rows) {
  return el(
    "div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    el(
      "table", {},
      el("caption", { class: "unseen" }, caption),
      el("thead", {}, el("tr", {}, heads.map(([text, number]) => el("th", { scope: "col", class: number ? "number" : "" }, text)))),
      el("tbody", {}, rows.map((row) => el("tr", {}, row.map((cell, at) => el("td", { class: heads[at][1] ? "number" : "" }, cell))))),
    ),
  );
}

export function mark(good, text) {
  return el("span", { class: `mark ${good === true ? "is-good" : good === false ? "is-bad" : "is-fair"}` }, text);
}

/** A part of the page that fills itself; what it cannot be told stands there as words, and harms no other part. */
export function section(title, fill) {
  const body = el("div", { class: "status-part" }, el("p", { class: "hushed small" }, "Asking …"));
  const root = el("section", { "aria-label": title }, el("h2", {}, title), body);
  const load = async () => {
    try {
      body.replaceChildren(...[await fill()].flat());
    } catch (error) {
      const told = { 401: "A key is needed for this.", 403: "This needs a key of role admin.", 503: error.message };
      body.replaceChildren(told[error.status] ? el("p", { class: "hushed small" }, told[error.status]) : problemNotice(error));
    }
  };
  return { root, load };
}
