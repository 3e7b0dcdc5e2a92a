// The grades of a judgment, and their words.

import { el } from "./dom.js";

export const GRADES = [
  { grade: 0, name: "Irrelevant", meaning: "has nothing to do with it" },
  { grade: 1, name: "Complement", meaning: "used together with it, or plainly related" },
  { grade: 2, name: "Substitute", meaning: "the right kind, but one wish is missed" },
  { grade: 3, name: "Exact", meaning: "what was asked for, and meets every wish" },
];

const nameOf = (grade) => GRADES.find((one) => one.grade === grade)?.name ?? "";

/** A product's grade as a mark; a dash where it is not judged. */
export function gradeMark(grade) {
  if (grade === undefined) return el("span", { class: "grade", title: "not judged" }, "–", el("span", { class: "unseen" }, " not judged"));
  return el(
    "span", { class: `grade grade-${Math.round(grade)}`, title: nameOf(grade) },
    el("span", { class: "unseen" }, "grade "), String(grade),
  );
}
