// What the workers did, and what they had to give up; fields as `multirecall jobs list --json` has them.

import { el } from "../dom.js";
import { count, counted, moment } from "../format.js";
import { mark, table } from "./tables.js";

const SHOWN = 20;

const GOOD = { done: true, failed: false, cancelled: null };

function progress({ share, counts = {} }) {
  const done = count(counts.done ?? 0);
  return share === null || share === undefined ? done : `${done} (${Math.round(share * 100)} %)`;
}

function stateOf({ state, stage, error }) {
  return [
    mark(GOOD[state] ?? null, stage && !(state in GOOD) ? `${state}: ${stage}` : state),
    error?.message ? el("p", { class: "small" }, error.message) : "",
  ];
}

export function jobTable({ jobs }) {
  if (!jobs.length) return el("p", { class: "hushed small" }, "The workers have had nothing to do yet.");
  return table(
    "Latest jobs", [["Job", false], ["State", false], ["Done", true], ["Given up", true], ["Began", false]],
    jobs.slice(0, SHOWN).map((job) => [
      [el("span", {}, job.kind.replaceAll("-", " ")), el("br"), el("code", { class: "hushed" }, job.id)],
      stateOf(job), progress(job), count(job.counts?.failed ?? 0), moment(job.started_at || job.made_at),
    ]),
  );
}

export function deadLetterTable({ total, dead_letters: letters }) {
  if (!total) return el("p", { class: "hushed small" }, "None: every product could be written.");
  return [
    el("p", {}, `${counted(total, "product")} given up, the oldest first.`),
    table(
      "Dead letters", [["Product", false], ["Reason", false], ["Tries", true], ["When", false]],
      letters.slice(0, SHOWN).map((one) => [el("code", {}, one.product), one.error, count(one.tries), moment(one.died_at)]),
    ),
  ];
}
