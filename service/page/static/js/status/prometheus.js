// Prometheus' text format, as far as the status page needs it.

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g;

/** `[{name, labels, value}]`. */
export function samples(text) {
  const found = [];
  for (const line of text.split("\n")) {
    const parts = line.startsWith("#") ? null : LINE.exec(line);
    if (!parts) continue;
    const labels = Object.fromEntries([...(parts[2] ?? "").matchAll(LABEL)].map(([, name, value]) => [name, value]));
    found.push({ name: parts[1], labels, value: Number(parts[3]) });
  }
  return found;
}

/** The sum of all samples of a name whose labels hold these. */
export function sum(all, name, labels = {}) {
  return all
    .filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((total, one) => total + one.value, 0);
}

/** A quantile of a histogram in seconds, between the borders of its bucket; null without any observation. */
export function quantile(all, name, labels, q) {
  const borders = new Map();
  for (const one of all) {
    if (one.name !== `${name}_bucket`) continue;
    if (!Object.entries(labels).every(([key, value]) => one.labels[key] === value)) continue;
    const le = one.labels.le === "+Inf" ? Infinity : Number(one.labels.le);
    borders.set(le, (borders.get(le) ?? 0) + one.value);
  }
  const buckets = [...borders].sort(([a], [b]) => a - b);
  const n = buckets.at(-1)?.[1] ?? 0;
  if (!n) return null;
  const wanted = q * n;
  let [low, below] = [0, 0];
  for (const [le, upTo] of buckets) {
    if (upTo >= wanted) return le === Infinity ? low : low + ((le - low) * (wanted - below)) / Math.max(upTo - below, 1e-9);
    [low, below] = [le, upTo];
  }
  return low;
}

export const labelValues = (all, name, label) => [...new Set(all.filter((one) => one.name === name).map((one) => one.labels[label]))];
