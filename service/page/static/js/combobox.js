// A search field with completions: the ARIA combobox with a list, the text stays what was typed until one is chosen.

import { suggest, wasAborted } from "./api.js";
import { announce, el, freshId } from "./dom.js";
import { count, counted } from "./format.js";

const PAUSE_MS = 90;

/** `onType` hears every pause in typing, `onChoose` Enter or a chosen completion; both get the text. */
export function combobox({ label, value, placeholder, onType, onChoose }) {
  const listId = freshId("completions");
  const inputId = freshId("query");
  const input = el("input", {
    type: "search", id: inputId, value, placeholder, role: "combobox", autocomplete: "off", autocapitalize: "off",
    spellcheck: "false", maxlength: "1000", enterkeyhint: "search",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": listId,
  });
  const list = el("ul", { role: "listbox", id: listId, "aria-label": "Completions", hidden: true });
  let options = [];
  let active = -1;
  let timer = 0;
  let asking = null;
  let dismissed = false;

  function close() {
    list.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  function stop() {
    clearTimeout(timer);
    asking?.abort();
    close();
  }

  function choose(text) {
    input.value = text;
    stop();
    onChoose(text);
  }

  function mark(next) {
    active = next;
    [...list.children].forEach((option, at) => option.setAttribute("aria-selected", String(at === active)));
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", list.children[active].id);
      list.children[active].scrollIntoView({ block: "nearest" });
    }
  }

  function show(found) {
    options = found;
    list.replaceChildren(
      ...found.map(({ text, kind, count: n }, at) =>
        el(
          "li",
          {
            role: "option", id: `${listId}-${at}`, "aria-selected": "false",
            onpointerdown: (event) => event.preventDefault(), // the field keeps the focus
            onclick: () => choose(text),
          },
          el("span", {}, text),
          el("span", { class: "kind" }, kind === "title" ? "product" : `${kind} · ${count(n)}`),
        ),
      ),
    );
    if (!found.length) return close();
    list.hidden = false;
    active = -1;
    input.setAttribute("aria-expanded", "true");
    announce(counted(found.length, "completion"));
  }

  async function complete() {
    asking?.abort();
    const text = input.value.trim();
    if (!text || dismissed) return close();
    asking = new AbortController();
    try {
      const { suggestions } = await suggest(text, asking.signal);
      if (document.activeElement === input) show(suggestions);
    } catch (error) {
      if (!wasAborted(error)) close(); // completions are a courtesy: without them the search still works
    }
  }

  input.addEventListener("input", () => {
    dismissed = false;
    clearTimeout(timer);
    timer = setTimeout(() => {
      complete();
      onType?.(input.value);
    }, PAUSE_MS);
  });
  input.addEventListener("blur", stop);
  input.addEventListener("keydown", (event) => {
    const shown = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (!shown) {
        dismissed = false;
        return complete();
      }
      const steps = options.length + 1; // one more for none: back to what was typed
      mark(((active + 1 + (event.key === "ArrowDown" ? 1 : steps - 1)) % steps) - 1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(shown && active >= 0 ? options[active].text : input.value);
    } else if (event.key === "Escape" && shown) {
      event.preventDefault();
      dismissed = true; // also those that are on their way
      asking?.abort();
      close();
    }
  });

  const root = el(
    "div", { class: "combobox" },
    el("label", { for: inputId, class: "unseen" }, label), input, list,
  );
  return { root, input, choose };
}

/** The field with its button. */
export function queryBar(options) {
  const box = combobox(options);
  const button = el("button", { type: "button", class: "strong", onclick: () => box.choose(box.input.value) }, options.action ?? "Search");
  return { ...box, root: el("div", { class: "query-bar", role: "search" }, box.root, button) };
}
