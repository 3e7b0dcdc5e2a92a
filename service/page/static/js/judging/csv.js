// The judgments as a table: the columns of `multirecall pool`, filled in. `multirecall evaluate` reads the same file as
// --judgments and as --queries.

const HEADER = ["qid", "query", "product_id", "title", "grade"];

/** Quoted where it must be (RFC 4180); line breaks within a text become spaces. */
function cell(value) {
  const text = String(value).replace(/\s+/g, " ").trim();
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function toCsv(all) {
  const rows = Object.entries(all).flatMap(([qid, { query, products }]) =>
    Object.entries(products).map(([id, { title, grade }]) => [qid, query, id, title, grade]),
  );
  return `${[HEADER, ...rows].map((row) => row.map(cell).join(",")).join("\n")}\n`;
}

export function download(text, name) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
}
