// From a state to an answer: pages of one frozen list, and facets that stay open where a value is chosen.

import { search, searchAll } from "../api.js";
import { PAGE_SIZE, expressions, searchOf } from "./state.js";

const fieldOf = (facet) => facet.split(":")[0];

let keptFacets = { key: "", facets: null };

/**
 * The answer; `token` goes on with its list. The list may have expired: then it is made anew, and `renewed` says so.
 * Each facet is `{field, values, buckets}`.
 */
export async function answerOf(state, options, { token, signal }) {
  const cut = { from: (state.page - 1) * PAGE_SIZE, size: PAGE_SIZE };
  if (token) {
    try {
      const [answer, facets] = await Promise.all([search({ page_token: token, ...cut }, signal), openFacets(state, options, signal)]);
      return { answer, facets: facets ?? facetsOf(answer, options, new Map()), renewed: false };
    } catch (error) {
      if (error.status !== 410 && error.kind !== "page_expired") throw error;
    }
  }
  const body = { ...searchOf(state), ...cut, facets: options.facets };
  const [answer, opened] = await Promise.all([search(body, signal), openCounts(state, options, signal)]);
  const facets = facetsOf(answer, options, opened);
  keptFacets = { key: facetKey(state), facets };
  return { answer, facets, renewed: Boolean(token) };
}

const facetKey = (state) => JSON.stringify([state.q, expressions(state.filters)]);

/** For further pages the facets are those of the first. */
async function openFacets(state, options, signal) {
  if (keptFacets.key === facetKey(state)) return keptFacets.facets;
  const body = { ...searchOf({ ...state, sort: "" }), facets: options.facets, size: 1 };
  const [answer, opened] = await Promise.all([search(body, signal), openCounts(state, options, signal)]);
  const facets = facetsOf(answer, options, opened);
  keptFacets = { key: facetKey(state), facets };
  return facets;
}

/** Counts of the fields that have a value chosen, as they are without that choice: else its other values would vanish. */
async function openCounts(state, options, signal) {
  const chosen = options.facets.filter((facet) => state.filters.has(fieldOf(facet)));
  if (!chosen.length) return new Map();
  const answers = await searchAll(
    chosen.map((facet) => ({ query: state.q, filters: expressions(state.filters, fieldOf(facet)), facets: [facet], size: 1 })),
    signal,
  );
  return new Map(answers.map((answer, at) => [fieldOf(chosen[at]), bucketsOf(answer, fieldOf(chosen[at]))]));
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
