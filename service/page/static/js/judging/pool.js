// The products to judge for a query: the tops of every route and of two fusions, without a trace of who brought them.

import { judgments, searchAll } from "../api.js";
import { qidOf, shuffled } from "./order.js";

/**
 * `{qid, query, products, nKnown}`; `products` in judging order. With `skipJudged` those with a grade in the server's
 * judgments are left out, `nKnown` says how many.
 */
export async function poolOf(query, { depth, seed, skipJudged, hasJudgments }) {
  const plain = { query, size: depth };
  const [[fused, ranked], judged] = await Promise.all([
    searchAll([{ ...plain, route_hits: depth }, { ...plain, fusion: "rrf?k=60" }]),
    hasJudgments ? judgments(query) : null,
  ]);
  const failed = [fused, ranked].find((answer) => !answer.hits);
  if (failed) throw Object.assign(new Error(failed.title), { detail: failed.detail });
  const bodies = new Map(Object.entries(fused.products ?? {}));
  for (const answer of [fused, ranked]) for (const hit of answer.hits.hits) bodies.set(hit.id, hit.product);
  const known = skipJudged ? (judged?.grades ?? {}) : {};
  const ids = [...bodies.keys()];
  const open = ids.filter((id) => !(id in known));
  return {
    qid: judged?.qid || qidOf(query),
    query,
    products: shuffled(open, query, seed).map((id) => bodies.get(id)),
    nKnown: ids.length - open.length,
  };
}
