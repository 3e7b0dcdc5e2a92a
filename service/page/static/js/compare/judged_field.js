// A choice among the queries that are judged.

import { judgedQueries } from "../api.js";
import { el, freshId } from "../dom.js";

/** Filled when it is first reached for: there may be thousands. */
export function judgedField(onChoose, label = "Or a judged query") {
  const id = freshId("judged");
  const select = el("select", { id, onchange: () => select.value && onChoose(select.value) }, el("option", { value: "" }, "choose …"));
  const fill = async () => {
    select.removeEventListener("pointerenter", fill);
    select.removeEventListener("focus", fill);
    const { queries } = await judgedQueries();
    select.append(...queries.map(({ text }) => el("option", { value: text }, text)));
  };
  select.addEventListener("pointerenter", fill);
  select.addEventListener("focus", fill);
  return el("div", { class: "field judged-field" }, el("label", { for: id }, label), select);
}
