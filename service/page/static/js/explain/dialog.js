// The pop-ups: what a product's score is made of, and why one product stands before another.

import { explain } from "../api.js";
import { el, freshId } from "../dom.js";
import { figure, ms } from "../format.js";
import { picture } from "../picture.js";
import { problemNotice } from "../problem_notice.js";
import { chart } from "./chart.js";

function opened(title) {
  const id = freshId("dialog");
  const body = el("div", { class: "explain-body", "aria-live": "polite" }, el("p", { class: "hushed" }, "Computing …"));
  const dialog = el(
    "dialog", { class: "explain", "aria-labelledby": id },
    el(
      "div", { class: "dialog-head" }, el("h2", { id }, title),
      el("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Close"),
    ),
    body,
  );
  const from = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (from?.isConnected) from.focus();
  });
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return body;
}

function subject(product, label = "") {
  return el(
    "div", { class: "subject" }, picture(product),
    el("div", {}, el("p", { class: "brand" }, [label, product.brand].filter(Boolean).join(" · ")), el("p", { class: "subject-title" }, product.title || product.id)),
  );
}

const sourceNote = (result) => el("p", { class: "small hushed" }, `Computed anew in ${ms(result.took_ms)} on `, el("code", {}, result.generation), ".");

export async function openExplanation(search, id, product) {
  const body = opened("Why is it here?");
  try {
    const result = await explain({ search, id });
    const { explanation: one } = result;
    const rows = one.shares.map((share) => ({ ...share, values: [share.value], amount: share.contribution }));
    body.replaceChildren(
      subject(product),
      el(
        "p", {}, "Its score is ", el("strong", { class: "score" }, figure(one.score)),
        one.by === "features" ? `: ${figure(one.base)} that every product starts from, and what each feature adds.` : ": what its rank in each route adds.",
      ),
      chart({ rows, seen: ["Value"], amountHead: "Adds", caption: "Contributions to the score" }),
      sourceNote(result),
    );
  } catch (error) {
    body.replaceChildren(problemNotice(error));
  }
}

/** `a` and `b` are `{id, product}`. The one with the higher score goes first, whichever was picked first. */
export async function openWhy(search, a, b) {
  const body = opened("Why this before that?");
  try {
    const result = await explain({ search, a: a.id, b: b.id });
    const turned = result.difference < 0;
    const [first, second] = turned ? [b, a] : [a, b];
    const sign = turned ? -1 : 1;
    const rows = result.differences.map((one) => ({
      ...one,
      values: turned ? [one.value_b, one.value_a] : [one.value_a, one.value_b],
      amount: sign * one.difference,
    }));
    const [scoreA, scoreB] = turned ? [result.b.score, result.a.score] : [result.a.score, result.b.score];
    body.replaceChildren(
      el("div", { class: "subjects" }, subject(first.product, `A ${figure(scoreA)}`), subject(second.product, `B ${figure(scoreB)}`)),
      el(
        "p", {},
        result.difference === 0
          ? "Both have the same score; then the smaller id goes first."
          : ["A scores ", el("strong", { class: "score" }, figure(Math.abs(result.difference))), " more. To the right is what speaks for A, to the left what speaks for B."],
      ),
      chart({ rows, seen: ["A", "B"], amountHead: "A − B", caption: "Differences between the two products" }),
      sourceNote(result),
    );
  } catch (error) {
    body.replaceChildren(problemNotice(error));
  }
}
