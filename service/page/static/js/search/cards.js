// Product cards.

import { el } from "../dom.js";
import { figure, price } from "../format.js";
import { picture, webAddress } from "../picture.js";
import { openExplanation } from "../explain/dialog.js";
import { pickButton } from "../explain/picked.js";
import { inOrder, routeChip } from "./routes.js";

function title(product) {
  const text = product.title || product.id;
  const address = webAddress(product.url);
  return address ? el("a", { href: address.href, rel: "noopener noreferrer", target: "_blank" }, text) : text;
}

function foot(hit) {
  return el(
    "ul", { class: "card-routes", "aria-label": "Found by" },
    inOrder(hit.sources).map(({ route, rank, score }) =>
      el("li", {}, routeChip(route, `${route} ${rank}`, `rank ${rank} in ${route}, score ${figure(score)}`)),
    ),
  );
}

/** `search` is what found it, for its explanation. */
export function card(hit, search, options) {
  const { product } = hit;
  return el(
    "li", { class: "card", dataset: { id: hit.id } },
    picture(product),
    el(
      "div", { class: "card-text" },
      el("p", { class: "brand" }, product.brand || "\u00a0"),
      el("h2", {}, title(product)),
      el(
        "p", { class: "price-line" },
        el("span", { class: "price" }, price(product, options.minor_units)),
        product.in_stock === undefined || product.in_stock === null ? "" : el("span", { class: "stock" }, product.in_stock ? "in stock" : "not in stock"),
      ),
    ),
    foot(hit),
    el(
      "div", { class: "card-tools" },
      el(
        "button", { type: "button", class: "link", dataset: { explain: hit.id }, onclick: () => openExplanation(search, hit.id, product) },
        `Why number ${hit.rank}?`, el("span", { class: "unseen" }, ` ${product.title ?? ""}`),
      ),
      pickButton(search, hit.id, product),
    ),
  );
}
