import type { GenerateEvent, Metrics } from '../../contract/engine.ts';

/**
 * Measures an answer, which may be generated in several rounds. What has no metrics of the engine's own (it was stopped, or
 * the engine died) is measured from outside.
 */
export class Meter {
  readonly #rounds: Metrics[] = [];
  #round = new RoundMeter();

  add(event: GenerateEvent): void {
    if (event.type === 'start') this.#close(this.#round.metrics());
    if (event.type === 'end') this.#close(event.metrics);
    else this.#round.add(event);
  }

  /** Null while there was no token. */
  metrics(): Metrics | null {
    const last = this.#round.metrics();
    const rounds = last === null ? this.#rounds : [...this.#rounds, last];
    return rounds.length < 2 ? (rounds[0] ?? null) : sum(rounds);
  }

  #close(metrics: Metrics | null): void {
    if (metrics !== null) this.#rounds.push(metrics);
    this.#round = new RoundMeter();
  }
}

class RoundMeter {
  readonly #startMs = performance.now();
  #prompt = { promptTokens: 0, cachedTokens: 0 };
  #firstMs: number | null = null;
  #lastMs = 0;
  #tokens = 0;

  add(event: GenerateEvent): void {
    if (event.type === 'start') this.#prompt = { promptTokens: event.promptTokens, cachedTokens: event.cachedTokens };
    if (event.type !== 'token') return;
    this.#lastMs = performance.now();
    this.#firstMs ??= this.#lastMs;
    this.#tokens += event.tokens.length;
  }

  /** Null while there was no token. The first token counts as prefill, so the speed of decode is that of the others. */
  metrics(): Metrics | null {
    if (this.#firstMs === null) return null;
    const { promptTokens, cachedTokens } = this.#prompt;
    const newTokens = promptTokens - cachedTokens;
    const prefillMs = this.#firstMs - this.#startMs;
    const decodeMs = this.#lastMs - this.#firstMs;
    return {
      promptTokens,
      cachedTokens,
      newTokens,
      generatedTokens: this.#tokens,
      prefillMs,
      decodeMs,
      firstTokenMs: prefillMs,
      ...speeds({ newTokens, prefillMs, decodeMs, decodedTokens: this.#tokens - 1 }),
    };
  }
}

/** Of all rounds together: their prompt is what the last one read and none of them generated. */
function sum(rounds: readonly Metrics[]): Metrics {
  const [first, last] = [rounds[0]!, rounds.at(-1)!];
  const total = (key: 'newTokens' | 'generatedTokens' | 'prefillMs' | 'decodeMs') =>
    rounds.reduce((all, round) => all + round[key], 0);
  const [newTokens, generatedTokens] = [total('newTokens'), total('generatedTokens')];
  const [prefillMs, decodeMs] = [total('prefillMs'), total('decodeMs')];
  const { cachedTokens, firstTokenMs, restoredTokens, restoreMs } = first;
  return {
    ...last,
    promptTokens: last.promptTokens - (generatedTokens - last.generatedTokens),
    ...{ cachedTokens, restoredTokens, restoreMs, newTokens, generatedTokens, prefillMs, decodeMs, firstTokenMs },
    ...speeds({ newTokens, prefillMs, decodeMs, decodedTokens: generatedTokens - rounds.length }),
  };
}

function speeds(of: { newTokens: number; prefillMs: number; decodeMs: number; decodedTokens: number }) {
  return {
    prefillTokensPerSecond: of.prefillMs > 0 ? (of.newTokens / of.prefillMs) * 1000 : null,
    decodeTokensPerSecond: of.decodeMs > 0 ? (of.decodedTokens / of.decodeMs) * 1000 : null,
  };
}
