// Starts the view that the path names. Views are documents of their own: going from one to another is a plain link.

import { setup } from "./api.js";
import { wireKey } from "./key.js";
import { wireTheme } from "./theme.js";
import { problemNotice } from "./problem_notice.js";
import { knowRoutes } from "./search/routes.js";
import { knowFacets } from "./search/state.js";
import { keepQueryInLinks } from "./view_links.js";

const VIEWS = {
  "/": () => import("./search/view.js"),
  "/columns": () => import("./columns/view.js"),
  "/compare": () => import("./compare/view.js"),
  "/judge": () => import("./judging/view.js"),
  "/status": () => import("./status/view.js"),
};

async function start() {
  wireTheme(document.getElementById("theme-button"));
  wireKey(document.getElementById("key-button"));
  keepQueryInLinks();
  for (const link of document.querySelectorAll("#views a")) {
    if (new URL(link.href).pathname === location.pathname) link.setAttribute("aria-current", "page");
  }
  const main = document.getElementById("main");
  try {
    const [view, options] = await Promise.all([(VIEWS[location.pathname] ?? VIEWS["/"])(), setup()]);
    knowRoutes(options.routes);
    knowFacets(options.facets);
    main.replaceChildren();
    await view.show(main, options);
  } catch (error) {
    main.replaceChildren(problemNotice(error));
  }
}

start();
