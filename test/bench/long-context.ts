/**
 * Speed and memory over long contexts that are filled with rows that mean nothing, beside llama.cpp filled alike.
 *
 *     node test/bench/long-context.ts COMPILED_FOLDER MODEL.gguf TOOLS_FOLDER OUT.json SECTION...
 *
 * Sections: decode@TOKENS, prefill@TOKENS, sparse@TOKENS, followUp, million. Each is written to OUT.json, where others are kept. Settings are measured in
 * turns within every round; a figure is the median of the rounds, a ratio the median of the ratios round by round.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLlamaCpp } from '../../main/cli/compare/llama-cpp.ts';
import type { KvSequence } from '../../main/engine/kv-cache.ts';
import { Model } from '../../main/engine/model.ts';
import { PrefixCache } from '../../main/engine/prefix-cache.ts';
import { argmax } from '../../main/engine/sampler.ts';
import { median } from '../../main/services/system/bench.ts';
import { kvTypes, type KvType } from '../../native-models/attention/kv-type.ts';
import type { Sparsity } from '../../native-models/attention/sparsity.ts';
import { newScheduler } from '../support/answers.ts';
import { describeMachine } from '../support/machine.ts';

const THREADS = 2;
const ROOM = 1024;
const ROUNDS = 2;
const STEPS = 4;
const SPARSITY: Sparsity = { pages: 16, recentPages: 8 };
/** Threads of either side spin a while after a run. */
const SETTLE_MS = 100;
const FRESH = 256;

type Setting = { name: string; run(tokens: number): Promise<number> };
type Speeds = Record<string, number>;
type Point = { tokens: number; rounds: number; tokensPerSecond: Speeds; ratios: Speeds };

const [folder, gguf, toolsFolder, out, ...wanted] = process.argv.slice(2);
if (out === undefined)
  throw new Error('usage: long-context.ts COMPILED_FOLDER MODEL.gguf TOOLS_FOLDER OUT.json SECTION...');
const sections: Record<string, (tokens: number) => Promise<void>> = { decode, prefill, sparse, followUp, million };
for (const one of wanted) {
  const [name, tokens] = one.split('@');
  await sections[name!]!(Number(tokens));
}
process.exit();

/** A model with one sequence, filled to any length. */
async function open(kvType: KvType, contextTokens: number) {
  const model = await Model.load(folder!, { threads: THREADS, contextTokens, kvType });
  return { model, sequence: model.newSequence() };
}

/** Milliseconds of one token behind what is cached, which is cut back. */
async function stepMs(model: Model, sequence: KvSequence, sparsity: Sparsity | null): Promise<number> {
  const length = sequence.length;
  const times: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const from = performance.now();
    await model.forward(sequence, [37], { sparsity });
    times.push(performance.now() - from);
  }
  sequence.truncate(length);
  return median(times.slice(1));
}

async function theirs(kvType: 'F16' | 'Q8_0', contextTokens: number) {
  return openLlamaCpp({
    path: gguf!,
    toolsFolder: toolsFolder!,
    threads: THREADS,
    contextTokens,
    kvType,
    say: console.error,
  });
}

async function decode(tokens: number): Promise<void> {
  const contextTokens = tokens + ROOM;
  const [f16, q8] = [await theirs('F16', contextTokens), await theirs('Q8_0', contextTokens)];
  const plain = await Model.load(folder!, { threads: THREADS, contextTokens, method: 'plain' });
  const forms: ({ kvType: KvType } & Awaited<ReturnType<typeof open>>)[] = [];
  for (const kvType of kvTypes) forms.push({ kvType, ...(await open(kvType, contextTokens)) });
  const speed = async (ms: Promise<number>) => 1000 / (await ms);
  const settings: Setting[] = [
    // The graph and the cached rows are those of dca: positions differ.
    { name: 'plain float32', run: () => speed(stepMs(plain, forms[0]!.sequence, null)) },
    ...forms.flatMap(({ kvType, model, sequence }): Setting[] => [
      { name: `dca ${kvType}`, run: () => speed(stepMs(model, sequence, null)) },
      { name: `dca+sparse ${kvType}`, run: () => speed(stepMs(model, sequence, SPARSITY)) },
    ]),
    { name: 'llama.cpp f16', run: (tokens) => f16.decodeFilled({ tokens, steps: STEPS, flashAttention: false }) },
    { name: 'llama.cpp f16 flash', run: (tokens) => f16.decodeFilled({ tokens, steps: STEPS, flashAttention: true }) },
    { name: 'llama.cpp q8_0 flash', run: (tokens) => q8.decodeFilled({ tokens, steps: STEPS, flashAttention: true }) },
  ];
  for (const { sequence } of forms) sequence.pretend(tokens);
  for (const flashAttention of [false, true]) await f16.fill({ tokens, flashAttention });
  await q8.fill({ tokens, flashAttention: true });
  await inTurns(settings, tokens, (point) => {
    save(`decode@${tokens}`, { steps: STEPS, sparsity: SPARSITY, ...point });
  });
  f16.close();
  q8.close();
}

async function prefill(tokens: number): Promise<void> {
  const f16 = await theirs('F16', tokens + ROOM);
  const forms = [];
  for (const kvType of ['float32', 'int8'] as const) forms.push({ kvType, ...(await open(kvType, tokens + ROOM)) });
  const fresh = tokens === 0 ? 512 : FRESH;
  const ids = Array.from({ length: tokens + fresh }, (_, i) => (i * 37) % 200);
  for (const { sequence } of forms) sequence.pretend(tokens);
  if (tokens > 0) for (const flashAttention of [false, true]) await f16.fill({ tokens, flashAttention });
  const settings: Setting[] = [
    ...forms.map(({ kvType, model, sequence }): Setting => ({
      name: `dca ${kvType}`,
      async run() {
        const from = performance.now();
        for (const block of model.blocks.of(ids, tokens)) await model.forward(sequence, block);
        const speed = (fresh / (performance.now() - from)) * 1000;
        sequence.truncate(tokens);
        return speed;
      },
    })),
    ...[false, true].map((flashAttention): Setting => ({
      name: `llama.cpp f16${flashAttention ? ' flash' : ''}`,
      run: () =>
        tokens === 0
          ? f16.prefill({ tokens: fresh, flashAttention })
          : f16.prefillFilled({ tokens, fresh, flashAttention }),
    })),
  ];
  await inTurns(settings, tokens, (point) => {
    save(`prefill@${tokens}`, { tokensRead: fresh, ...point });
  });
  f16.close();
}

/** One token, and one block of a prompt, read in full and sparsely: from which length on that pays. Nothing of theirs. */
async function sparse(tokens: number): Promise<void> {
  const settings: Setting[] = [];
  for (const kvType of ['float32', 'int8'] as const) {
    const { model, sequence } = await open(kvType, tokens + ROOM);
    sequence.pretend(tokens);
    const block = Array<number>(model.blocks.size(tokens)).fill(37);
    for (const [name, sparsity] of [
      ['full', null],
      ['sparse', SPARSITY],
    ] as const) {
      settings.push({
        name: `decode ${kvType} ${name}`,
        run: async () => 1000 / (await stepMs(model, sequence, sparsity)),
      });
      settings.push({
        name: `prefill ${kvType} ${name}`,
        async run() {
          const from = performance.now();
          await model.forward(sequence, block, { sparsity });
          const speed = (block.length / (performance.now() - from)) * 1000;
          sequence.truncate(tokens);
          return speed;
        },
      });
    }
  }
  await inTurns(settings, tokens, ({ tokensPerSecond, rounds }) => {
    const kinds = ['decode float32', 'prefill float32', 'decode int8', 'prefill int8'];
    const gains = kinds.map((kind) => [kind, tokensPerSecond[`${kind} sparse`]! / tokensPerSecond[`${kind} full`]!]);
    const ratios = Object.fromEntries(gains.map(([kind, gain]) => [`${kind}, sparse / full`, round2(gain as number)]));
    save(`sparse@${tokens}`, { steps: STEPS, sparsity: SPARSITY, tokens, rounds, tokensPerSecond, ratios });
  });
}

/** 16 tokens more behind 32,768 that are cached: found, queued and read as for an answer, and as a bare step. */
async function followUp(): Promise<void> {
  const cached = 32_768;
  const { model, sequence } = await open('float32', cached + ROOM);
  sequence.pretend(cached);
  const cache = new PrefixCache(model, 20e9);
  const ids = [...sequence.tokens, ...Array<number>(16).fill(37)];
  const turns = newScheduler().client('interactive');
  cache.release(sequence);
  const firstTokens: number[] = [];
  const bare: number[] = [];
  let cachedTokens = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const from = performance.now();
    const answering = cache.acquire(ids);
    cachedTokens = answering.length;
    let logits!: Float32Array;
    for (const block of model.blocks.of(ids, answering.length)) {
      logits = await turns.turn(() => model.forward(answering, block));
    }
    argmax(logits, model.vocabSize);
    firstTokens.push(performance.now() - from);
    answering.truncate(cached);
    cache.release(answering);

    const start = performance.now();
    await model.forward(sequence, ids.slice(cached));
    bare.push(performance.now() - start);
    sequence.truncate(cached);
  }
  const [firstTokenMs, bareMs] = [median(firstTokens.slice(1)), median(bare.slice(1))];
  save('followUp', { cached, cachedTokens, tokens: 16, firstTokenMs, bareMs, ratio: round2(firstTokenMs / bareMs) });
}

async function million(): Promise<void> {
  const tokens = 1_048_576 - ROOM;
  const { model, sequence } = await open('int8', tokens + ROOM);
  const before = process.memoryUsage.rss();
  const blocks: { depth: number; tokens: number; seconds: number }[] = [];
  for (const depth of [0, 16_384, 65_536, 262_144]) {
    sequence.pretend(depth);
    const block = Array<number>(model.blocks.size(depth)).fill(37);
    await model.forward(sequence, block.slice(0, 1)); // binds, touches
    sequence.truncate(depth);
    const from = performance.now();
    await model.forward(sequence, block);
    blocks.push({ depth, tokens: block.length, seconds: (performance.now() - from) / 1000 });
    console.error(JSON.stringify(blocks.at(-1)));
    sequence.truncate(depth);
  }
  sequence.pretend(tokens);
  const full = await stepMs(model, sequence, null);
  const sparse = await stepMs(model, sequence, SPARSITY);
  const rss = process.memoryUsage.rss();
  const { kvBytesPerToken } = model.info;
  save('million', {
    tokens,
    kvBytesPerToken,
    rssBytes: rss,
    rssBeforeBytes: before,
    stepMs: { full, sparse },
    sparsity: SPARSITY,
    blocks,
    extrapolatedPrefillHours: round2(prefillSeconds(blocks, tokens) / 3600),
  });
}

/** What a token takes is a line between two measured depths, and goes on as it does between the last two. */
function prefillSeconds(blocks: readonly { depth: number; tokens: number; seconds: number }[], to: number): number {
  let sum = 0;
  blocks.slice(1).forEach((block, i) => {
    const before = blocks[i]!;
    const [from, perToken] = [before.seconds / before.tokens, block.seconds / block.tokens];
    const end = i === blocks.length - 2 ? to : block.depth;
    const slope = (perToken - from) / (block.depth - before.depth);
    const length = end - before.depth;
    sum += length * from + (slope * length ** 2) / 2;
  });
  return sum;
}

/** Measures every setting once a round; `keep` gets what is known after each. The first round warms up. */
async function inTurns(settings: readonly Setting[], tokens: number, keep: (point: Point) => void): Promise<void> {
  const rounds: Speeds[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const found: Speeds = {};
    for (const { name, run } of settings) {
      await sleep(SETTLE_MS);
      found[name] = await run(tokens);
      console.error(`${tokens}, round ${round}, ${name}: ${found[name].toFixed(2)} tokens/s`);
    }
    if (round === 0) continue;
    rounds.push(found);
    keep(summarise(tokens, rounds));
  }
}

function summarise(tokens: number, rounds: readonly Speeds[]): Point {
  const names = Object.keys(rounds[0]!);
  const over = (value: (round: Speeds) => number) => round2(median(rounds.map(value)));
  const tokensPerSecond = Object.fromEntries(names.map((name) => [name, over((round) => round[name]!)]));
  // Best by its median: the best of each round would be the luckiest draw.
  const theirs = names.filter((name) => name.startsWith('llama'));
  const best = theirs.reduce((a, b) => (tokensPerSecond[a]! >= tokensPerSecond[b]! ? a : b), theirs[0] ?? names[0]!);
  const own = names.filter((name) => !theirs.includes(name));
  const ratios = Object.fromEntries(
    own.map((name) => [`${name} / ${best}`, over((round) => round[name]! / round[best]!)]),
  );
  return { tokens, rounds: rounds.length, tokensPerSecond, ratios };
}

function round2(value: number): number {
  return Math.round(value * 100) / 100;
}

function save(section: string, found: object): void {
  const known = existsSync(out!) ? (JSON.parse(readFileSync(out!, 'utf8')) as object) : {};
  const about = { model: 'Qwen2.5-0.5B shape, random Q4_0', recipe: 'fast', threads: THREADS };
  writeFileSync(
    out!,
    `${JSON.stringify({ ...known, ...about, [section]: { ...describeMachine(), ...found } }, null, 2)}\n`,
  );
}
