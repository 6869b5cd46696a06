import type { LoadedModel } from '../../../contract/engine.ts';
import type { VerifiedCell } from '../../../contract/models.ts';
import { passes } from '../../../contract/passes.ts';
import { describeMachine } from '../../system/bench.ts';
import type { ShelfModel } from '../shelf.ts';
import { depths, taskNames } from './tasks.ts';

/** The longest text up to which every task passed at every depth; null where even at the shortest one did not. */
export function verifiedTokens(cells: readonly VerifiedCell[]): number | null {
  const lengths = [...new Set(cells.map(({ tokens }) => tokens))].toSorted((a, b) => a - b);
  let verified: number | null = null;
  for (const tokens of lengths) {
    const there = cells.filter((cell) => cell.tokens === tokens);
    if (there.length < taskNames.length * depths.length || !there.every(passes)) break;
    verified = tokens;
  }
  return verified;
}

/** All that a result depends on. Up to the trained length, chunks change nothing; YaRN changes all by its factor. */
export function conditionsOf({ manifest }: ShelfModel, loaded: LoadedModel): string {
  const { kvType, beyond, sparse, contextTokens, threads } = loaded;
  const { cpu, cores, platform } = describeMachine();
  const method = beyond?.method ?? 'dca';
  return JSON.stringify({
    source: manifest.source.sha256 ?? manifest.source.name,
    ...{ recipe: manifest.recipe, compilerVersion: manifest.compilerVersion, kvType },
    method: method.includes('yarn') ? `${method} to ${contextTokens}` : method,
    ...(sparse !== null && { sparse }),
    ...{ cpu, cores, platform, threads },
  });
}
