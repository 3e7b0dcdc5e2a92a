// The links to the other views carry the query and its filters along.

export function keepQueryInLinks() {
  const here = new URLSearchParams(location.search);
  const kept = new URLSearchParams([...here].filter(([name]) => name === "q" || name.startsWith("f.")));
  for (const link of document.querySelectorAll("#views a")) {
    const url = new URL(link.href);
    url.search = url.pathname === "/status" ? "" : kept;
    link.href = url;
  }
}
