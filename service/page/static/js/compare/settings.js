// One side of a comparison: which routes are asked, and how they are merged. It lives in the address.

import { el, freshId } from "../dom.js";

const FUSIONS = [
  ["default", "as the service does"],
  ["weighted_sum", "weighted sum"],
  ["rrf", "reciprocal ranks"],
];

/** `{routes: […], kind, number}`; `number` is the weight of the last route (weighted sum, 0 to 1) or k (ranks). */
export function readSide(params, side, known, fallback) {
  const fusion = params.get(`${side}.fusion`) ?? fallback.fusion;
  const [kind, settings = ""] = fusion.split("?");
  const wanted = (params.get(`${side}.routes`) ?? fallback.routes.join(",")).split(",");
  const routes = known.filter((route) => wanted.includes(route));
  const pairs = new URLSearchParams(settings);
  const number = kind === "rrf" ? pairs.get("k") : pairs.get(known.at(-1));
  return {
    routes: routes.length ? routes : known,
    kind: FUSIONS.some(([name]) => name === kind) ? kind : "default",
    number: Number(number ?? (kind === "rrf" ? 60 : 0.5)),
  };
}

export function fusionOf({ kind, number }, known) {
  if (kind === "rrf") return `rrf?k=${number}`;
  if (kind !== "weighted_sum" || known.length < 2) return kind;
  const weight = Math.min(0.95, Math.max(0.05, number));
  const others = known.slice(0, -1).map((route) => `${route}=${((1 - weight) / (known.length - 1)).toFixed(2)}`);
  return `weighted_sum?${[...others, `${known.at(-1)}=${weight.toFixed(2)}`].join("&")}`;
}

export function writeSide(params, side, setting, known) {
  params.set(`${side}.routes`, setting.routes.join(","));
  params.set(`${side}.fusion`, fusionOf(setting, known));
}

/** What a search adds to ask for this side; a fusion needs no weights for routes that are not asked. */
export function sideOf(setting, known) {
  const one = setting.routes.length === 1 && setting.kind === "weighted_sum";
  return { routes: setting.routes, fusion: one ? "weighted_sum" : fusionOf(setting, known) };
}

export function sideForm(name, setting, known, onChange) {
  const kindId = freshId("fusion");
  const numberId = freshId("number");
  const change = (part) => onChange({ ...setting, ...part });
  const routes = known.map((route) => {
    const checked = setting.routes.includes(route);
    return el(
      "label", { class: "tick" },
      el("input", {
        type: "checkbox", checked, disabled: checked && setting.routes.length === 1, dataset: { side: name, control: route },
        onchange: (event) => change({ routes: known.filter((one) => (one === route ? event.target.checked : setting.routes.includes(one))) }),
      }),
      route,
    );
  });
  const kind = el(
    "select",
    {
      id: kindId, dataset: { side: name, control: "fusion" },
      onchange: (event) => change({ kind: event.target.value, number: event.target.value === "rrf" ? 60 : 0.5 }),
    },
    FUSIONS.map(([value, text]) => el("option", { value, selected: value === setting.kind }, text)),
  );
  const number = setting.kind === "rrf"
    ? el("input", {
        type: "number", id: numberId, min: 1, max: 1000, value: setting.number, dataset: { side: name, control: "number" },
        onchange: (event) => event.target.checkValidity() && event.target.value && change({ number: Number(event.target.value) }),
      })
    : el("input", {
        type: "range", id: numberId, min: 0.05, max: 0.95, step: 0.05, value: setting.number, dataset: { side: name, control: "number" },
        onchange: (event) => change({ number: Number(event.target.value) }),
      });
  const weighable = setting.kind === "rrf" || (setting.kind === "weighted_sum" && setting.routes.length > 1 && known.length > 1);
  return el(
    "fieldset", { class: "side" },
    el("legend", { class: "label" }, `Setting ${name}`),
    el("div", { class: "side-routes" }, routes),
    el("div", { class: "field" }, el("label", { for: kindId }, "Merged by"), kind),
    weighable
      ? el("div", { class: "field" }, el("label", { for: numberId }, setting.kind === "rrf" ? "k" : `Weight of ${known.at(-1)}: ${setting.number.toFixed(2)}`), number)
      : "",
  );
}
