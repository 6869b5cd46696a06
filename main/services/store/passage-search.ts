import type { DocumentHit } from '../../contract/documents.ts';
import type { PartKind } from '../../contract/extraction.ts';
import { coverage, type Closeness, type CountedTerm } from './closeness.ts';
import { atOnce, type ReadableDb } from './db.ts';
import { isNearTwin, wordsOf } from './near-twins.ts';
import { parseQuestion, type Question } from './question.ts';
import { foldText } from './search-text.ts';
import { VectorIndex } from './vector-index.ts';

export type PassageQuery = {
  query: string;
  /** The last word may be unfinished: somebody is typing. */
  typed?: boolean;
  /** What the question means, of length 1, by the embedder of this number; null: by words alone. */
  meaning: { embedderId: number; vector: Float32Array } | null;
  /** Only these; null: all. */
  documentIds: readonly string[] | null;
  limit: number;
  /** Whether to tell how close the best of it comes to the question. */
  judged?: boolean;
};
/** Best first; `closeness` is null unless it was asked for. */
export type PassagesFound = { hits: DocumentHit[]; closeness: Closeness | null };

/** How far down either list a passage may stand, and still be found: twice what is wanted, and no less than that. */
const LEAST_DEPTH = 40;
/** Of reciprocal rank fusion: Cormack, Clarke and Büttcher, SIGIR 2009, who took 60. */
const RRF_K = 20;
// Ranking costs about 1 µs for each passage and term, and counting one 0.1. So passages are looked for by the rarer terms of a
// question, as many as together are in so many passages; the more common ones only rank what those find.
const RANKED = 4000;
/** Whether a question is answered at all is told by so many of the passages found, which is what a prompt has room for. */
const JUDGED = 8;
/** How much the list by words counts is told by its first passages, and falls faster than their share of the question. */
const WEIGHED = 3;
const FALL = 1.5;

const IN_SCOPE = 'AND p.content_id IN (SELECT value FROM json_each(:scope))';

const matching = (scope: boolean) => /* sql */ `
  SELECT f.rowid AS id FROM passages_fts AS f ${scope ? 'CROSS JOIN passages AS p ON p.id = f.rowid' : ''}
  WHERE passages_fts MATCH :match AND f.rowid BETWEEN CAST(:first AS INTEGER) AND CAST(:last AS INTEGER) ${scope ? IN_SCOPE : ''}`;

export const countMatches = (scope: boolean) => `SELECT count(*) FROM (${matching(scope)} LIMIT :limit)`;

export const rankMatches = (scope: boolean) => /* sql */ `
  SELECT id FROM (${matching(scope).replace('f.rowid AS id', 'f.rowid AS id, f.rank AS score')} LIMIT :ranked)
  ORDER BY score, id LIMIT :limit`;

// A number of JavaScript's is bound as REAL, and FTS5 takes no rowid that is one.
export const HAS_TERM = 'SELECT 1 FROM passages_fts WHERE passages_fts MATCH :match AND rowid = CAST(:id AS INTEGER)';

export const COUNT_PASSAGES = /* sql */ `
  SELECT coalesce(sum(passages), 0) FROM contents
  WHERE :scope IS NULL OR id IN (SELECT value FROM json_each(:scope))`;

export const GET_PASSAGE = /* sql */ `
  SELECT p.id, p.content_id, p.part, p.start_at, p.end_at, q.id AS part_id, q.kind, q.label
  FROM passages AS p JOIN parts AS q ON q.content_id = p.content_id AND q.number = p.part WHERE p.id = :id`;

export const PASSAGES_OF_VECTOR = /* sql */ `
  SELECT p.id, p.content_id FROM vectors AS v JOIN passages AS p ON p.words_hash = v.words_hash WHERE v.id = :vectorId`;

export const VECTORS_IN_SCOPE = /* sql */ `
  SELECT v.id FROM passages AS p JOIN vectors AS v ON v.words_hash = p.words_hash AND v.embedder_id = :embedderId
  WHERE p.content_id IN (SELECT value FROM json_each(:scope))`;

type PassageRow = {
  id: number;
  content_id: number;
  part: number;
  start_at: number;
  end_at: number;
  part_id: number;
  kind: PartKind;
  label: string;
};
/** Best first. `weight`: what its places count beside those of another list. */
type Ranked = { ids: readonly number[]; weight: number };
type Found = { id: number; score: number; found: DocumentHit['found'] };
/** Contents, and between which ids their passages lie. */
type Scope = { contents: string; first: number; last: number };

/** Finds passages by words and by meaning. It keeps all vectors, so there is one for as long as is searched. */
export function passageSearch(db: ReadableDb) {
  const rankings = [false, true].map((scope) => ({
    count: db.prepare<object, number>(countMatches(scope)).pluck(),
    rank: db.prepare<object, number>(rankMatches(scope)).pluck(),
  }));
  const getPassage = db.prepare<{ id: number }, PassageRow>(GET_PASSAGE);
  const getText = db.prepare<{ id: number }, string>('SELECT text FROM parts WHERE id = :id').pluck();
  const ofVector = db.prepare<{ vectorId: number }, { id: number; content_id: number }>(PASSAGES_OF_VECTOR);
  const vectorsInScope = db.prepare<{ embedderId: number; scope: string }, number>(VECTORS_IN_SCOPE).pluck();
  const contentOf = db.prepare<{ id: string }, number>('SELECT content_id FROM documents WHERE id = :id').pluck();
  const firstNames = db.prepare<{ contentId: number }, { id: string; name: string }>(
    'SELECT id, name FROM documents WHERE content_id = :contentId ORDER BY added_ms, id',
  );
  const idRange = db.prepare<{ scope: string }, { first: number | null; last: number | null }>(/* sql */ `
    SELECT min(id) AS first, max(id) AS last FROM passages WHERE content_id IN (SELECT value FROM json_each(:scope))`);
  const hasVector = db.prepare<{ vectorId: number }, 1>('SELECT 1 FROM vectors WHERE id = :vectorId').pluck();
  const hasTerm = db.prepare<{ match: string; id: number }, 1>(HAS_TERM).pluck();
  const countPassages = db.prepare<{ scope: string | null }, number>(COUNT_PASSAGES).pluck();
  let index: VectorIndex | null = null;

  const scopeOf = (documentIds: readonly string[] | null): Scope | null => {
    if (documentIds === null) return null;
    const contents = JSON.stringify([...new Set(documentIds.flatMap((id) => contentOf.get({ id }) ?? []))]);
    const { first, last } = idRange.get({ scope: contents })!;
    return { contents, first: first ?? 0, last: last ?? -1 };
  };

  const within = (scope: Scope | null) =>
    scope === null
      ? { first: 0, last: Number.MAX_SAFE_INTEGER }
      : { first: scope.first, last: scope.last, scope: scope.contents };

  /** One that is not counted to its end counts as if it were everywhere, which tells as little. */
  const countEach = ({ terms }: Question, scope: Scope | null, passages: number): CountedTerm[] => {
    const { count } = rankings[scope === null ? 0 : 1]!;
    return terms.map((term) => {
      const counted = count.get({ match: term, limit: RANKED, ...within(scope) })!;
      return { term, count: counted < RANKED ? counted : Math.max(counted, passages) };
    });
  };

  const covered = (counted: readonly CountedTerm[], ids: readonly number[], passages: number): number =>
    coverage({ counted, passages, ids, has: (term, id) => hasTerm.get({ match: term, id }) !== undefined });

  const byWords = (
    counted: readonly CountedTerm[],
    passages: number,
    { scope, depth, isAlone }: { scope: Scope | null; depth: number; isAlone: boolean },
  ): Ranked => {
    const { rank } = rankings[scope === null ? 0 : 1]!;
    const match = chooseTerms(counted);
    if (match === null) return { ids: [], weight: 0 };
    const ids = rank.all({ match, ranked: RANKED * 2, limit: depth, ...within(scope) });
    return { ids, weight: isAlone ? 1 : covered(counted, ids.slice(0, WEIGHED), passages) ** FALL };
  };

  const byMeaning = (
    { embedderId, vector }: NonNullable<PassageQuery['meaning']>,
    scope: Scope | null,
    depth: number,
  ) => {
    if (index?.embedderId !== embedderId) index = new VectorIndex(db, embedderId);
    index.refresh();
    const vectors = scope === null ? null : new Set(vectorsInScope.all({ embedderId, scope: scope.contents }));
    const contents = scope === null ? null : new Set(JSON.parse(scope.contents) as number[]);
    const nearest = index.nearest(vector, vectors);
    const ids: number[] = [];
    for (const { vectorId } of nearest) {
      if (ids.length === depth) break;
      const passages = ofVector.all({ vectorId });
      const one = passages.find((passage) => contents?.has(passage.content_id) ?? true); // the same words, once
      if (one !== undefined) ids.push(one.id);
      else if (passages.length === 0 && hasVector.get({ vectorId }) === undefined) index.missed();
    }
    return { ids, similarity: nearest[0]?.similarity ?? 0 };
  };

  const toHits = (found: readonly Found[], { query, documentIds, limit }: PassageQuery, pattern: RegExp | null) => {
    const hits: DocumentHit[] = [];
    const texts = new Map<number, string>();
    const seen: ReadonlySet<string>[] = [];
    for (const { id, score, found: by } of found) {
      if (hits.length === limit) break;
      const row = getPassage.get({ id });
      const names = row === undefined ? [] : firstNames.all({ contentId: row.content_id });
      const name = names.find((one) => documentIds?.includes(one.id) ?? true);
      if (row === undefined || name === undefined) continue; // removed meanwhile
      if (!texts.has(row.part_id)) texts.set(row.part_id, getText.get({ id: row.part_id }) ?? '');
      const text = texts.get(row.part_id)!.slice(row.start_at, row.end_at);
      const words = wordsOf(text);
      if (seen.some((other) => isNearTwin(words, other))) continue;
      seen.push(words);
      hits.push({
        documentId: name.id,
        name: name.name,
        part: row.part,
        start: row.start_at,
        end: row.end_at,
        partKind: row.kind,
        partLabel: row.label,
        text,
        marks: query === '' || pattern === null ? [] : marksIn(text, pattern),
        score,
        found: by,
      });
    }
    return hits;
  };

  return {
    /** Best first, near twins of better ones left out. */
    find: (asked: PassageQuery): PassagesFound =>
      atOnce(db, () => {
        const question = parseQuestion(asked.query, { typed: asked.typed ?? false });
        const scope = scopeOf(asked.documentIds);
        const depth = Math.max(LEAST_DEPTH, asked.limit * 2);
        const meaning = asked.meaning === null ? null : byMeaning(asked.meaning, scope, depth);
        const passages = countPassages.get({ scope: scope?.contents ?? null })!;
        const counted = countEach(question, scope, passages);
        const words = byWords(counted, passages, { scope, depth, isAlone: meaning === null });
        const found = fuse({ words, meaning: { ids: meaning?.ids ?? [], weight: 1 } });
        const hits = toHits(found, asked, question.pattern);
        if (!asked.judged) return { hits, closeness: null };
        const best = found.slice(0, JUDGED).map(({ id }) => id);
        const similarity = meaning?.similarity ?? null;
        return { hits, closeness: { covered: covered(counted, best, passages), similarity } };
      }),
  };
}

/** The FTS5 expression for a question: see RANKED. Null where none of its terms occurs. */
function chooseTerms(counted: readonly CountedTerm[]): string | null {
  const present = counted.filter(({ count }) => count > 0).toSorted((a, b) => a.count - b.count);
  let total = 0;
  const rare = present.filter(({ count }, rank) => rank === 0 || (total += count) + present[0]!.count <= RANKED);
  const common = present.filter((one) => !rare.includes(one) && one.count < RANKED);
  if (rare.length === 0) return null;
  const any = (of: readonly CountedTerm[]) => of.map(({ term }) => term).join(' OR ');
  return common.length === 0 ? any(rare) : `(${any(rare)}) AND (${any([...rare, ...common])})`;
}

/**
 * Reciprocal rank fusion: a passage scores by its places in the lists, whatever their scores mean. How much the list by words
 * counts depends on how much of the question one of its first passages has: of a question in other words it is little, and what that list
 * finds is chance. Of 33 English questions (test/retrieval) that brought 15 of 15 paraphrased ones among the first five instead
 * of 13, and literal ones up by a place in ten.
 */
function fuse(lists: Record<'words' | 'meaning', Ranked>): Found[] {
  const fused = new Map<number, Found>();
  for (const by of ['words', 'meaning'] as const) {
    const { ids, weight } = lists[by];
    for (const [rank, id] of ids.entries()) {
      const one = fused.get(id) ?? { id, score: 0, found: [] };
      one.score += weight / (RRF_K + rank + 1);
      one.found.push(by);
      fused.set(id, one);
    }
  }
  return [...fused.values()].toSorted((a, b) => b.score - a.score || a.id - b.id);
}

function marksIn(text: string, pattern: RegExp): [number, number][] {
  const { text: folded, offsets } = foldText(text);
  const at = (index: number) => (offsets === null ? index : (offsets[index] ?? text.length));
  return [...folded.matchAll(pattern)].map((match) => [at(match.index), at(match.index + match[0].length)]);
}
