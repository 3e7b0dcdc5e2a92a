// What the workers did, and what they had to give up.

import { el } from "../dom.js";
import { count, moment } from "../format.js";
import { table } from "./tables.js";

const SHOWN = 20;

/** A value of a record whose fields are those of `multirecall jobs list --json`. */
function told(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number" && value > 1e9 && value < 1e11) return moment(value);
  if (typeof value === "number") return count(value);
  if (typeof value === "object") return JSON.stringify(value);
  return String(value);
}

/** Those of the wanted columns that any record has. */
function recordTable(caption, records, wanted) {
  const columns = wanted.filter((name) => records.some((one) => one[name] !== undefined));
  return table(
    caption, columns.map((name) => [name.replaceAll("_", " "), records.every((one) => typeof one[name] === "number" && one[name] < 1e9)]),
    records.slice(0, SHOWN).map((one) => columns.map((name) => told(one[name]))),
  );
}

export function jobTable({ jobs }) {
  if (!jobs.length) return el("p", { class: "hushed small" }, "The workers have had nothing to do yet.");
  return recordTable("Latest jobs", jobs, ["id", "kind", "status", "state", "read", "written", "rejected", "dead", "started_at", "ended_at", "error"]);
}

export function deadLetterTable({ total, dead_letters: letters }) {
  if (!total) return el("p", { class: "hushed small" }, "None: every product could be written.");
  return [
    el("p", {}, `${count(total)} in all.`),
    recordTable("Dead letters", letters, ["id", "product_id", "job", "reason", "error", "tries", "at", "died_at"]),
  ];
}
