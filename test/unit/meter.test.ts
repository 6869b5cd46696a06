import { expect, it } from 'vitest';
import type { Metrics } from '../../main/contract/engine.ts';
import { Meter } from '../../main/services/chat/meter.ts';

const metrics = (change: Partial<Metrics>): Metrics => ({
  ...{ promptTokens: 0, cachedTokens: 0, newTokens: 0, generatedTokens: 0, prefillMs: 0, decodeMs: 0, firstTokenMs: 0 },
  ...{ prefillTokensPerSecond: null, decodeTokensPerSecond: null },
  ...change,
});

it('gives the metrics of the only round as the engine measured them', () => {
  const meter = new Meter();
  const measured = metrics({ promptTokens: 7, restoredTokens: 2, restoreMs: 3 });
  meter.add({ type: 'start', promptTokens: 7, cachedTokens: 0 });
  meter.add({ type: 'token', text: 'a', tokens: [1] });
  meter.add({ type: 'end', finishReason: 'stop', metrics: measured });
  expect(meter.metrics()).toEqual(measured);
});

it('adds up rounds, one of which was broken off, so that prompt and answer are what was read last', () => {
  const meter = new Meter();
  meter.add({ type: 'start', promptTokens: 100, cachedTokens: 60 });
  meter.add({ type: 'token', text: 'a', tokens: [1, 2] }); // and no end
  meter.add({ type: 'start', promptTokens: 120, cachedTokens: 102 });
  const second = {
    promptTokens: 120,
    cachedTokens: 102,
    newTokens: 18,
    generatedTokens: 11,
    prefillMs: 90,
    decodeMs: 1000,
  };
  meter.add({ type: 'end', finishReason: 'stop', metrics: metrics({ ...second, firstTokenMs: 90 }) });
  const total = meter.metrics()!;
  expect(total).toMatchObject({ promptTokens: 118, cachedTokens: 60, newTokens: 58, generatedTokens: 13 });
  expect(total.decodeTokensPerSecond).toBeCloseTo((13 - 2) / (total.decodeMs / 1000));
});

it('knows nothing where there was no token', () => {
  const meter = new Meter();
  meter.add({ type: 'start', promptTokens: 7, cachedTokens: 0 });
  expect(meter.metrics()).toBeNull();
});
