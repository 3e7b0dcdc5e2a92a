// The state of the deployment: what is ready, which indexes there are, how routes and cache do, jobs, reports.

import * as api from "../api.js";
import { announce, el } from "../dom.js";
import { bytes, count, moment } from "../format.js";
import { cacheSection, routeSection } from "./health.js";
import { deadLetterTable, jobTable } from "./work.js";
import { mark, section, table } from "./tables.js";

async function readinessPart() {
  const now = await api.readiness();
  const parts = Object.entries(now.parts).map(([name, state]) =>
    el("li", {}, mark(state === "ok" ? true : now.degraded?.includes(name) ? null : false, name), state === "ok" ? "" : el("span", { class: "hushed" }, ` ${state.replaceAll("_", " ")}`)),
  );
  const degraded = now.degraded?.length ? " Searches go on without what is degraded." : "";
  return [
    el("p", { class: "ready-line" }, mark(now.status === "ready", now.status === "ready" ? "Ready" : "Not ready"), degraded),
    el("ul", { class: "parts" }, parts),
  ];
}

async function generationPart() {
  const { generations } = await api.generations();
  if (!generations.length) return el("p", { class: "hushed" }, "There is no index yet.");
  return table(
    "Index generations",
    [["Index", false], ["", false], ["Products", true], ["Size", true], ["Encoders", false]],
    generations.map((one) => [
      el("code", {}, one.index),
      one.live ? mark(true, "live") : one.rollback === null ? "" : `${one.rollback} back`,
      count(one.products), bytes(one.bytes), one.encoders.join(", ") || "–",
    ]),
  );
}

async function reportPart() {
  const { reports } = await api.reports();
  if (!reports.length) return el("p", { class: "hushed small" }, "No report yet: ", el("code", {}, "multirecall evaluate … --html"), " writes one; ", el("code", {}, "MULTIRECALL_REPORTS"), " names their folder.");
  return table(
    "Evaluation reports", [["Report", false], ["Written", false], ["Size", true]],
    reports.map((one) => [
      el("a", { href: one.href, target: "_blank", rel: "noopener noreferrer" }, one.title || one.name, el("span", { class: "unseen" }, " (new tab)")),
      moment(one.modified_at), bytes(one.bytes),
    ]),
  );
}

export async function show(main, options) {
  document.title = "Status – multirecall";
  const measured = { text: null };
  const figures = async () => (measured.text ??= api.metrics());
  const sections = [
    section("Readiness", readinessPart),
    section("Index generations", generationPart),
    section("Routes", async () => routeSection(await figures(), options)),
    section("Cache", async () => cacheSection(await figures())),
    section("Jobs", async () => jobTable(await api.jobs())),
    section("Dead letters", async () => deadLetterTable(await api.deadLetters())),
    section("Evaluation reports", reportPart),
  ];
  const asked = el("span", { class: "small hushed" });
  const load = async () => {
    measured.text = null;
    await Promise.all(sections.map((one) => one.load()));
    asked.textContent = `As of ${new Date().toLocaleTimeString("en")}`;
    announce("The status is up to date.");
  };
  main.append(
    el(
      "div", { class: "result-head" }, el("h1", {}, "Status"),
      el("div", { class: "sort" }, asked, el("button", { type: "button", class: "plain", onclick: load }, "Refresh")),
    ),
    el("p", { class: "small hushed" }, `multirecall ${options.version}, fusion `, el("code", {}, options.fusion || "–")),
    el("div", { class: "status-grid" }, sections.map((one) => one.root)),
  );
  await load();
}
