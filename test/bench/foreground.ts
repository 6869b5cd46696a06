/**
 * A question asked while a long prompt is read in the background, beside the same question on an idle engine: time to the first
 * token, and how long a block of the reading takes there.
 *
 *     node test/bench/foreground.ts COMPILED_FOLDER OUT.json [DEPTH]
 */
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { sampling } from '../../main/contract/engine.ts';
import { generate } from '../../main/engine/generate.ts';
import { Model } from '../../main/engine/model.ts';
import { PrefixCache } from '../../main/engine/prefix-cache.ts';
import { Scheduler } from '../../main/engine/scheduler.ts';
import { describeMachine, median } from '../../main/services/system/bench.ts';

const ROUNDS = 7;
const ANSWER_TOKENS = 16;

const [folder, out, wanted = '24576'] = process.argv.slice(2);
if (folder === undefined || out === undefined) throw new Error('usage: foreground.ts COMPILED_FOLDER OUT.json [DEPTH]');
const depth = Number(wanted);
const model = await Model.load(folder, { threads: 2, contextTokens: 131_072 });
const hung = () => {
  throw new Error('a step hangs');
};
const scheduler = new Scheduler({ limitMs: () => 600_000, onHung: hung });

const idle: Asked[] = [];
const busy: Asked[] = [];
await ask(0); // warms up
for (let round = 1; round <= ROUNDS; round++) {
  idle.push(await ask(round));
  const stop = new AbortController();
  const reading = readOn(stop.signal);
  await new Promise((resolve) => setTimeout(resolve, 700)); // well within a block
  busy.push(await ask(ROUNDS + round));
  stop.abort();
  await reading;
}
const blockMs = await timeBlock();
const of = (asked: readonly Asked[], part: keyof Asked) => Math.round(median(asked.map((one) => one[part])));
const report = {
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
  machine: describeMachine(),
  model: model.info.name,
  ...{
    backgroundDepthTokens: depth,
    blockTokens: model.blocks.size(depth),
    blockMs: Math.round(blockMs),
    rounds: ROUNDS,
  },
  idle: { firstTokenMs: of(idle, 'firstTokenMs'), tokenMs: of(idle, 'tokenMs') },
  whileReading: { firstTokenMs: of(busy, 'firstTokenMs'), tokenMs: of(busy, 'tokenMs') },
  laterByMs: of(busy, 'firstTokenMs') - of(idle, 'firstTokenMs'),
  each: { idle, busy },
};
await writeFile(out, `${JSON.stringify(report, null, 2)}\n`);
console.log(JSON.stringify({ ...report, each: undefined }));
process.exit(0);

type Asked = { firstTokenMs: number; tokenMs: number };

/** A question of some forty tokens that nothing of is cached. */
async function ask(number: number): Promise<Asked> {
  const content = `${'abcdefghij'.repeat(3)} ${number}?`;
  const prompt = { messages: [{ role: 'user' as const, content }], continueFinal: false };
  const options = sampling.parse({ temperature: 0, maxTokens: ANSWER_TOKENS });
  const context = { model, cache: new PrefixCache(model, 1e9), turns: scheduler.client('interactive') };
  const started = performance.now();
  let firstTokenMs = 0;
  let [tokens, lastMs] = [0, 0];
  for await (const event of generate(prompt, options, context)) {
    if (event.type !== 'token') continue;
    lastMs = performance.now() - started;
    firstTokenMs ||= lastMs;
    tokens += event.tokens.length;
  }
  return { firstTokenMs, tokenMs: (lastMs - firstTokenMs) / Math.max(tokens - 1, 1) };
}

/** Reads a prompt behind `depth` cached tokens in the background, until it is stopped. */
async function readOn(signal: AbortSignal): Promise<void> {
  const turns = scheduler.client('background');
  const sequence = model.newSequence();
  sequence.pretend(depth);
  const ids = Array<number>(depth + 4096).fill(1);
  try {
    for (const block of model.blocks.of(ids, depth)) {
      await turns.turn((ended) => model.forward(sequence, block, { rows: [], signal: ended }), signal);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    model.forget(sequence);
    sequence.release();
  }
}

async function timeBlock(): Promise<number> {
  const sequence = model.newSequence();
  sequence.pretend(depth);
  const times: number[] = [];
  for (const block of model.blocks.of(Array<number>(depth + 6 * model.blocks.size(depth)).fill(1), depth)) {
    const from = performance.now();
    await model.forward(sequence, block, { rows: [] });
    times.push(performance.now() - from);
  }
  return median(times);
}
