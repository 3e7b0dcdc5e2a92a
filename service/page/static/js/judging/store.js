// The grades given so far: kept in this browser until they are exported and cleared.

const NAME = "multirecall.judging";

/** `{grades: {qid: {query, products: {id: {grade, title}}}}}`. */
function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) ?? {};
  } catch {
    return {}; // written by something else: grades of ours would be there to be read
  }
}

const write = (all) => localStorage.setItem(NAME, JSON.stringify(all));

export const allGrades = read;

export const gradesOf = (qid) => read()[qid]?.products ?? {};

export function keepGrade({ qid, query }, { id, title }, grade) {
  const all = read();
  const one = all[qid] ?? { query, products: {} };
  write({ ...all, [qid]: { query, products: { ...one.products, [id]: { grade, title } } } });
}

export function dropGrade(qid, id) {
  const all = read();
  if (!all[qid]) return;
  const { [id]: gone, ...products } = all[qid].products;
  if (Object.keys(products).length) write({ ...all, [qid]: { ...all[qid], products } });
  else {
    const { [qid]: emptied, ...others } = all;
    write(others);
  }
}

export const dropAll = () => localStorage.removeItem(NAME);

export const countGrades = () => Object.values(read()).reduce((sum, one) => sum + Object.keys(one.products).length, 0);
