// Pages of a frozen list: real links, so that they can be opened elsewhere; a plain click stays on the list.

import { el } from "../dom.js";
import { PAGE_SIZE, address } from "./state.js";

export function paging(state, answer, onPage) {
  const { has_more: hasMore } = answer.page;
  if (state.page === 1 && !hasMore) return "";
  const link = (page, text, attributes = {}) =>
    el(
      "a",
      {
        href: address({ ...state, page }), class: "plain page-link", ...attributes,
        onclick: (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
          event.preventDefault();
          onPage(page);
        },
      },
      text,
    );
  const numbers = [];
  const reach = state.page + (hasMore ? 1 : 0);
  for (let page = Math.max(1, state.page - 2); page <= reach; page += 1) {
    numbers.push(
      page === state.page
        ? el("span", { class: "page-link page-here", "aria-current": "page" }, el("span", { class: "unseen" }, "Page "), String(page))
        : link(page, String(page), { "aria-label": `Page ${page}` }),
    );
  }
  return el(
    "nav", { class: "paging", "aria-label": "Pages" },
    state.page > 1 && link(state.page - 1, "Previous", { rel: "prev" }),
    numbers,
    hasMore && link(state.page + 1, "Next", { rel: "next" }),
  );
}

export function shownRange(state, answer) {
  const first = (state.page - 1) * PAGE_SIZE + 1;
  const last = first + answer.hits.hits.length + answer.page.gone.length - 1;
  return last >= first ? `${first}–${last} of ` : "";
}
