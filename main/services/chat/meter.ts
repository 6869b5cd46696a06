import type { GenerateEvent, Metrics } from '../../contract/engine.ts';

/** Measures an answer from outside, for when it ends without the engine's own metrics: stopped, or the engine died. */
export class Meter {
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
      prefillTokensPerSecond: prefillMs > 0 ? (newTokens / prefillMs) * 1000 : null,
      decodeTokensPerSecond: decodeMs > 0 ? ((this.#tokens - 1) / decodeMs) * 1000 : null,
    };
  }
}
