import type { ModelCard } from '../../contract/models.ts';
import { general } from '../../../native-models/catalog/index.ts';

const MOST = 3;

/** Decoding at the pace of somebody who reads along: some 240 words a minute. */
const COMFORTABLE_TOKENS_PER_SECOND = 5;

type Candidate = Omit<ModelCard, 'rank'>;

/**
 * The few models to propose to whoever has none yet, the best first: the starter, then the largest that this machine runs
 * at the pace of reading. They fit, are for general use, and ask for no agreement. Speeds that nobody knows count as enough.
 */
export function recommended(cards: readonly Candidate[]): string[] {
  const names = new Set(general.map(({ name }) => name));
  return cards
    .filter(({ name, installed, obstacle }) => names.has(name) && !installed && obstacle === null)
    .filter(({ needsAcknowledgement }) => !needsAcknowledgement)
    .filter(
      ({ isStarter, tokensPerSecond }) => isStarter || (tokensPerSecond ?? Infinity) >= COMFORTABLE_TOKENS_PER_SECOND,
    )
    .toSorted((a, b) => Number(b.isStarter) - Number(a.isStarter) || b.parameters - a.parameters)
    .slice(0, MOST)
    .map(({ name }) => name);
}
