// From a state to an answer: pages of one frozen list, and facets that stay open where a value is chosen.

import { search, searchAll } from "../api.js";
import { PAGE_SIZE, expressions, searchOf } from "./state.js";

const fieldOf = (facet) => facet.split(":")[0];

let kept = { key: "", counts: new Map() };

/**
 * The answer; `token` goes on with its list. The list may have expired: then it is made anew, and `renewed` says so.
 * Each facet is `{field, values, buckets}`.
 */
export async function answerOf(state, options, { token, signal }) {
  const cut = { from: (state.page - 1) * PAGE_SIZE, size: PAGE_SIZE };
  if (token) {
    try {
      const [answer, opened] = await Promise.all([search({ page_token: token, ...cut }, signal), openCounts(state, options, signal)]);
      return { answer, facets: facetsOf(answer, options, opened), renewed: false };
    } catch (error) {
      if (error.status !== 410 && error.kind !== "page_expired") throw error;
    }
  }
  const body = { ...searchOf(state), ...cut, facets: options.facets };
  const [answer, opened] = await Promise.all([search(body, signal), openCounts(state, options, signal)]);
  return { answer, facets: facetsOf(answer, options, opened), renewed: Boolean(token) };
}

/**
 * Counts of the fields that have a value chosen, as they are without that choice: else its other values would vanish.
 * Turning pages changes none of them.
 */
async function openCounts(state, options, signal) {
  const chosen = options.facets.filter((facet) => state.filters.has(fieldOf(facet)));
  if (!chosen.length) return new Map();
  const key = JSON.stringify([state.q, expressions(state.filters)]);
  if (kept.key === key) return kept.counts;
  const answers = await searchAll(
    chosen.map((facet) => ({ query: state.q, filters: expressions(state.filters, fieldOf(facet)), facets: [facet], size: 1 })),
    signal,
  );
  const counts = new Map(answers.map((answer, at) => [fieldOf(chosen[at]), bucketsOf(answer, fieldOf(chosen[at]))]));
  kept = { key, counts };
  return counts;
}

function bucketsOf(answer, field) {
  const named = answer.aggregations ?? {};
  return (named[field] ?? named[field === "price" ? "price_minor" : field])?.buckets ?? [];
}

function facetsOf(answer, options, opened) {
  return options.facets
    .map(fieldOf)
    .map((field) => ({ field, buckets: opened.get(field) ?? bucketsOf(answer, field) }));
}
