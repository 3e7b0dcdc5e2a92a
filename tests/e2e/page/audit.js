// What a page owes to people who see little, or do not see it, or have no mouse: a list of what it lacks.
() => {
  const found = [];
  const name = (node) => `${node.tagName.toLowerCase()}.${node.className?.baseVal ?? node.className} "${(node.textContent ?? "").trim().slice(0, 40)}"`;
  const shown = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && !node.closest(".unseen, [aria-hidden='true']");

  const colour = (text) => {
    const numbers = text.match(/[\d.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
  };
  const over = (top, under) => top.rgb.map((part, at) => part * top.alpha + under[at] * (1 - top.alpha));
  const groundOf = (node) => {
    const layers = [];
    for (let one = node; one; one = one.parentElement) {
      const layer = colour(getComputedStyle(one).backgroundColor);
      if (layer.alpha > 0) layers.push(layer);
      if (layer.alpha === 1) break;
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !shown(node) || node.closest(":disabled, script, noscript, svg")) continue;
    const style = getComputedStyle(node);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ground = groundOf(node);
    const ratio = contrast(over(colour(style.color), ground), ground);
    if (ratio < (large ? 3 : 4.5)) found.push(`contrast ${ratio.toFixed(2)}: ${name(node)}`);
  }

  for (const control of document.querySelectorAll("input, select, textarea, button, a[href], summary, [role=option], dialog, nav, [role=region]")) {
    if (!control.checkVisibility()) continue;
    const labelled = (control.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent).join("");
    const labels = [...(control.labels ?? [])].map((label) => label.textContent).join("");
    const own = control.matches("button, a, summary, [role=option]") ? control.textContent : "";
    if (!`${control.getAttribute("aria-label") ?? ""}${labelled}${labels}${own}`.trim()) found.push(`no name: ${name(control)}`);
    const box = control.getBoundingClientRect();
    const inText = control.matches("a, .link, .entry-title, [type=checkbox], [type=radio], nav, [role=region]");
    if (!inText && box.width && Math.min(box.width, box.height) < 24) found.push(`small target: ${name(control)}`);
  }
  for (const image of document.querySelectorAll("img:not([alt])")) found.push(`no alt: ${name(image)}`);
  for (const scroller of document.querySelectorAll("main *")) {
    const style = getComputedStyle(scroller);
    if (/auto|scroll/.test(style.overflowX) && scroller.scrollWidth > scroller.clientWidth + 1 && scroller.tabIndex < 0 && !scroller.querySelector("a, button, input")) {
      found.push(`cannot be scrolled by keys: ${name(scroller)}`);
    }
  }

  const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) found.push(`id twice: ${id}`);
  for (const attribute of ["aria-controls", "aria-activedescendant", "for"]) {
    for (const node of document.querySelectorAll(`[${attribute}]`)) {
      if (!document.getElementById(node.getAttribute(attribute))) found.push(`${attribute} leads nowhere: ${name(node)}`);
    }
  }
  const levels = [...document.querySelectorAll("h1, h2, h3, h4")].filter(shown).map((heading) => Number(heading.tagName[1]));
  if (levels.filter((level) => level === 1).length !== 1) found.push(`${levels.filter((level) => level === 1).length} h1`);
  levels.forEach((level, at) => {
    if (at && level > levels[at - 1] + 1) found.push(`heading h${level} after h${levels[at - 1]}`);
  });
  if (!document.documentElement.lang) found.push("no lang");
  if (document.documentElement.scrollWidth > innerWidth) found.push(`wider than the window by ${document.documentElement.scrollWidth - innerWidth}`);
  return found;
}
