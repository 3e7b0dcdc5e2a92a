// nDCG as `multirecall evaluate` computes it: gains of 2^grade - 1, a product without a grade counts as irrelevant.

const gain = (grade) => 2 ** grade - 1;

const dcg = (grades) => grades.reduce((sum, grade, at) => sum + gain(grade) / Math.log2(at + 2), 0);

/** Of product ids, best first; `grades` by id. Null where no product has a grade above 0: there is no ideal list. */
export function ndcg(ids, grades, k = 10) {
  const ideal = dcg(Object.values(grades).sort((a, b) => b - a).slice(0, k));
  if (ideal <= 0) return null;
  return dcg(ids.slice(0, k).map((id) => grades[id] ?? 0)) / ideal;
}

export const judgedAmong = (ids, grades, k = 10) => ids.slice(0, k).filter((id) => id in grades).length;
