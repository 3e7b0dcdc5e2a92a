// A product's image; a quiet drawing of its kind stands there until it has loaded, and stays where it cannot be reached.

import { el, svg } from "./dom.js";

// The first whose word the title holds; drawn on a field of 48 by 48.
const DRAWINGS = [
  [/cable|cord|adapter|connector|patch/i, "M8 34c0 6 10 6 10-2V18c0-9 12-9 12 0v12c0 8 10 8 10 2v-9M5 26h6v8H5zM37 14h6v9h-6z"],
  [/toner|cartridge|ink|ribbon|drum/i, "M7 20h34v12H7zM12 20v-5h24v5M12 26h14M33 26h3"],
  [/print|copier|fax|plotter|scanner/i, "M14 18V9h20v9M10 18h28a3 3 0 0 1 3 3v12h-7M14 33H7V21a3 3 0 0 1 3-3M14 28h20v12H14zM19 33h10"],
  [/notebook|laptop|macbook|thinkpad/i, "M11 12h26v19H11zM5 35h38M19 35h10"],
  [/monitor|display|screen|tv|lcd|led|projector/i, "M6 10h36v24H6zM24 34v6M16 40h16"],
  [/keyboard|keypad/i, "M5 16h38v17H5zM11 22h2M17 22h2M23 22h2M29 22h2M35 22h2M14 28h20"],
  [/mouse|trackball|pointer/i, "M24 8c-7 0-10 5-10 11v10c0 6 4 11 10 11s10-5 10-11V19c0-6-3-11-10-11zM24 8v11M14 21h20"],
  [/phone|smartphone|handset|tablet|ipad/i, "M15 7h18v34H15zM22 37h4"],
  [/battery|ups|power|charger|pdu|psu/i, "M8 16h29v16H8zM37 21h4v6h-4M25 18l-6 7h6l-5 6"],
  [/paper|label|envelope|folder|binder|book|pad/i, "M13 6h16l7 7v29H13zM29 6v7h7M18 22h13M18 28h13M18 34h8"],
  [/memory|ram|dimm|ddr|ssd|flash|card/i, "M6 17h36v14H6zM12 21h5v6h-5zM21 21h5v6h-5zM30 21h5v6h-5zM11 31v4M19 31v4M27 31v4M35 31v4"],
  [/drive|disk|disc|storage|nas|tape|dvd/i, "M9 11h30v26H9zM24 20a5 5 0 1 0 .1 0M14 33h4"],
  [/camera|lens|webcam|camcorder/i, "M6 16h9l3-4h12l3 4h9v20H6zM24 20a6 6 0 1 0 .1 0"],
  [/switch|router|network|ethernet|wireless|wifi|access point/i, "M6 24h36v11H6zM12 30h2M18 30h2M30 30h6M17 24c0-9 14-9 14 0M12 19c3-9 21-9 24 0"],
  [/headset|headphone|speaker|audio|microphone/i, "M9 29v-4c0-18 30-18 30 0v4M7 28h6v10H7zM35 28h6v10h-6z"],
  [/bag|case|sleeve|backpack|cover|skin/i, "M7 17h34v21H7zM18 17v-5h12v5M7 26h34"],
  [/server|rack|cabinet|chassis|pc|workstation|desktop/i, "M15 6h18v36H15zM20 12h8M20 17h8M24 34v2"],
];
const BOX = "M8 17l16-8 16 8v16l-16 8-16-8zM8 17l16 8 16-8M24 25v16M16 13l16 8";
const HUES = [172, 214, 28, 262, 98, 342, 48, 190];

function hue(text) {
  let sum = 7;
  for (const letter of text) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return HUES[sum % HUES.length];
}

/** Decorative: the title beside it says what it is. */
export function picture(product) {
  const title = product.title ?? "";
  const path = DRAWINGS.find(([words]) => words.test(title))?.[1] ?? BOX;
  const drawing = svg("svg", { viewBox: "0 0 48 48", "aria-hidden": "true", class: "drawing" }, svg("path", { d: path }));
  const tile = el("div", { class: "picture", style: { "--hue": String(hue(product.brand || title)) } }, drawing);
  const address = imageAddress(product.image_url);
  if (address) {
    const image = el("img", { alt: "", loading: "lazy", decoding: "async", referrerpolicy: "no-referrer" });
    image.addEventListener("load", () => tile.classList.add("has-image"));
    image.addEventListener("error", () => image.remove());
    image.src = address;
    tile.append(image);
  }
  return tile;
}

/** Web addresses only: a catalogue may hold anything. */
export function imageAddress(text) {
  return webAddress(text)?.href ?? "";
}

export function webAddress(text) {
  if (!text || !URL.canParse(text)) return null;
  const url = new URL(text);
  return url.protocol === "https:" || url.protocol === "http:" ? url : null;
}
