// What went wrong, in words, where it went wrong.

import { el } from "./dom.js";

export function problemNotice(error) {
  return el(
    "div",
    { class: "notice", role: "alert" },
    el("strong", {}, error.message),
    error.detail ? ` ${error.detail}` : "",
    error.requestId ? el("p", { class: "small hushed" }, "Request ", el("code", {}, error.requestId)) : "",
  );
}
