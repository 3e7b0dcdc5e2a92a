// Numbers as people read them.

const whole = new Intl.NumberFormat("en");

export const count = (n) => whole.format(n);

export const counted = (n, one, many = `${one}s`) => `${count(n)} ${n === 1 ? one : many}`;

export function ms(took) {
  if (took < 10) return `${took.toFixed(1)} ms`;
  return took < 1000 ? `${Math.round(took)} ms` : `${(took / 1000).toFixed(2)} s`;
}

export function age(milliseconds) {
  const seconds = milliseconds / 1000;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

export function bytes(n) {
  if (!n) return "–";
  const units = ["B", "kB", "MB", "GB", "TB"];
  const step = Math.min(units.length - 1, Math.floor(Math.log10(n) / 3));
  return `${(n / 1000 ** step).toFixed(step ? 1 : 0)} ${units[step]}`;
}

/** A price in its currency; catalogues without one get the bare number. */
export function price(product, minorUnits) {
  if (product.price_minor === undefined || product.price_minor === null) return "";
  const amount = product.price_minor / 10 ** minorUnits;
  const digits = { minimumFractionDigits: minorUnits, maximumFractionDigits: minorUnits };
  if (/^[A-Z]{3}$/.test(product.currency ?? "")) {
    return new Intl.NumberFormat("en", { style: "currency", currency: product.currency, ...digits }).format(amount);
  }
  return new Intl.NumberFormat("en", digits).format(amount);
}

/** A number of a score: four digits that count, and a true minus. */
export function figure(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  const text = Number(value).toFixed(digits);
  return text.replace("-", "−");
}

export const signed = (value, digits = 3) => (value > 0 ? "+" : "") + figure(value, digits);

export function total({ value, relation }) {
  if (!value) return "No products";
  if (relation === "exact") return counted(value, "product");
  if (relation === "at_least") return `${count(value)} or more products`;
  return `${count(value)} nearest products`;
}

export function moment(seconds) {
  return new Date(seconds * 1000).toLocaleString("en", { dateStyle: "medium", timeStyle: "short" });
}
