// What is searched for, as the address holds it: ?q=toner&f.brand=HP&f.brand=Xerox&f.price=50-100&sort=price:asc&page=3

const RANGE = /^(\d*\.?\d*)-(\d*\.?\d*)$/;
const NUMBERS = new Set(["price", "price_minor", "popularity", "updated_at", "version"]);

let ranged = NUMBERS;

/** Facets as a search writes them: `price:50,100` has ranges, `brand:10` values, whatever those look like. */
export function knowFacets(facets) {
  const more = facets.filter((facet) => facet.includes(",")).map((facet) => facet.split(":")[0]);
  ranged = new Set([...NUMBERS, ...more]);
}

export const PAGE_SIZE = 24;

export function readState(text = location.search) {
  const params = new URLSearchParams(text);
  const filters = new Map();
  for (const [name, value] of params) {
    if (!name.startsWith("f.") || !value) continue;
    const field = name.slice(2);
    filters.set(field, [...(filters.get(field) ?? []), value]);
  }
  const page = Number.parseInt(params.get("page") ?? "1", 10);
  return { q: params.get("q") ?? "", filters, sort: params.get("sort") ?? "", page: page > 0 ? page : 1 };
}

export function address(state, path = location.pathname) {
  const params = new URLSearchParams();
  if (state.q) params.set("q", state.q);
  for (const [field, values] of state.filters) for (const value of values) params.append(`f.${field}`, value);
  if (state.sort) params.set("sort", state.sort);
  if (state.page > 1) params.set("page", String(state.page));
  const text = params.toString();
  return text ? `${path}?${text}` : path;
}

export const isRange = (field, value) => ranged.has(field) && RANGE.test(value) && value !== "-";

/** A value of a facet that cannot be written as a filter: `|` separates values there. */
export const isExpressible = (value) => !value.includes("|") && value.trim() === value && value !== "*" && value !== "";

/** The filters as the API reads them; `without` leaves one field out. */
export function expressions(filters, without = "") {
  const found = [];
  for (const [field, values] of filters) {
    if (field === without || !values.length) continue;
    if (isRange(field, values[0])) {
      const [, from, to] = RANGE.exec(values[0]);
      if (from) found.push(`${field}>=${from}`);
      if (to) found.push(`${field}<${to}`);
    } else found.push(`${field}=${values.join("|")}`);
  }
  return found;
}

/** Another set of filters with this value in or out; a range takes the place of another one. */
export function toggled(filters, field, value, single) {
  const next = new Map(filters);
  const values = next.get(field) ?? [];
  const left = values.includes(value) ? values.filter((one) => one !== value) : single ? [value] : [...values, value];
  if (left.length) next.set(field, left);
  else next.delete(field);
  return next;
}

/** The search that a state stands for, without page and facets. */
export function searchOf(state) {
  return {
    query: state.q,
    filters: expressions(state.filters),
    ...(state.sort ? { sort: [state.sort] } : {}),
  };
}
