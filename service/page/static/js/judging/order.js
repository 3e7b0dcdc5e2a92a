// An order that says nothing of who found what: by a hash of the seed, the query and the product.

/** 32 bits of FNV-1a with a final mix (MurmurHash3's), so that equal beginnings spread too. */
function hash(text) {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** The ids in an order that is the same for the same seed. */
export function shuffled(ids, query, seed) {
  const key = new Map(ids.map((id) => [id, hash(`${seed}\0${query}\0${id}`)]));
  return [...ids].sort((a, b) => key.get(a) - key.get(b) || (a < b ? -1 : 1));
}

/** A name for a query that no file has named: the same text gets the same one. */
export function qidOf(query) {
  const plain = query.normalize("NFKC").toLowerCase().split(/\s+/).filter(Boolean).join(" ");
  return `page-${hash(plain).toString(16).padStart(8, "0")}${hash(`${plain}\0`).toString(16).padStart(8, "0")}`;
}
