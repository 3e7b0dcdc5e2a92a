// The API key: kept for this tab only, asked for when the service wants one.

import { el } from "./dom.js";

const NAME = "multirecall.key";

export const apiKey = () => sessionStorage.getItem(NAME) ?? "";

function keep(key) {
  if (key) sessionStorage.setItem(NAME, key);
  else sessionStorage.removeItem(NAME);
}

let open = null;

function show(why) {
  if (open) return;
  const input = el("input", { type: "password", id: "key-input", autocomplete: "off", spellcheck: "false", value: apiKey() });
  const close = () => dialog.close();
  const form = el(
    "form",
    {
      method: "dialog",
      onsubmit: () => {
        keep(input.value.trim());
        location.reload();
      },
    },
    el("div", { class: "dialog-head" }, el("h2", { id: "key-title" }, "API key")),
    why && el("p", { class: "notice" }, why),
    el("div", { class: "field key-field" }, el("label", { for: "key-input" }, "Key"), input),
    el("p", { class: "small hushed" }, "It stays in this tab and is forgotten when the tab is closed."),
    el(
      "div",
      { class: "dialog-foot" },
      el("button", { type: "button", class: "quiet", onclick: close }, "Cancel"),
      el("button", { class: "strong" }, "Use this key"),
    ),
  );
  const dialog = el("dialog", { "aria-labelledby": "key-title" }, form);
  dialog.addEventListener("close", () => {
    dialog.remove();
    open = null;
  });
  document.body.append(dialog);
  open = dialog;
  dialog.showModal();
}

export function wireKey(button) {
  button.textContent = apiKey() ? "Key set" : "Key";
  button.addEventListener("click", () => show(""));
  document.addEventListener("key-needed", (event) => show(event.detail || "The service asks for a key."));
}
