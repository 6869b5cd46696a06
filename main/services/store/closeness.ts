/** A term of a question as FTS5 takes it, and how many passages have it. */
export type CountedTerm = { term: string; count: number };

/**
 * How close the best of what was found comes to a question. `covered`: the share of the question's terms that one passage
 * has, each weighing as much as it is rare; 1 for a question without terms. `similarity`: the cosine of its meaning and that of
 * the nearest passage; null where meaning was not looked for.
 */
export type Closeness = { covered: number; similarity: number | null };

// See test/retrieval: of questions over 4,150 passages, those with an answer there cover 0.53 and more where they use its words,
// 0.32 and more in English in other words; those about other things altogether 0.37 at most.
const COVERED = 0.5;
const COVERED_BY_WORDS_ALONE = 0.3;

/**
 * Whether anything that was found may be about the question. `unrelatedBelow` is the similarity under which an embedder's
 * passages have nothing to do with a question, null where nobody has measured it.
 */
export function isClose({ covered, similarity }: Closeness, unrelatedBelow: number | null): boolean {
  if (covered >= COVERED) return true;
  if (similarity === null) return covered >= COVERED_BY_WORDS_ALONE;
  return unrelatedBelow === null || similarity >= unrelatedBelow;
}

type CoverageInput = {
  counted: readonly CountedTerm[];
  /** In all of which the terms were counted. */
  passages: number;
  ids: readonly number[];
  has(term: string, id: number): boolean;
};

/** What terms weigh together: their inverse document frequencies, ln(1 + N / (n + 1)), which is not nothing among few passages. */
const weightOf = (counted: readonly CountedTerm[], passages: number): number =>
  counted.reduce((sum, { count }) => sum + Math.log(1 + passages / (count + 1)), 0);

/** See `Closeness`. */
export function coverage({ counted, passages, ids, has }: CoverageInput): number {
  const total = weightOf(counted, passages);
  if (total === 0) return 1;
  const shares = ids.map(
    (id) =>
      weightOf(
        counted.filter(({ term }) => has(term, id)),
        passages,
      ) / total,
  );
  return Math.max(0, ...shares);
}
