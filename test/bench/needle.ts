/**
 * Passkeys of the small trained model (test/model/train) through our own engine: how often the greedy answer is the whole
 * value, by length and way of reading, with a plot, and what share of full attention sparse reading keeps.
 *
 *     node test/bench/needle.ts OUT.json OUT.svg [SAMPLES]
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Model, type LoadOptions } from '../../main/engine/model.ts';
import { describeMachine } from '../../main/services/system/bench.ts';
import type { Sparsity } from '../../native-models/attention/sparsity.ts';
import { compile } from '../../native-models/compile.ts';
import { byteIds, syntheticSample } from '../support/synthetic-tasks.ts';
import { needleFolder } from '../support/trained-model.ts';

const TRAINED = 256;
const LENGTHS = [256, 512, 1024, 2048, 4096];
const KV_PAGE = 32;
const ANSWER = 17;
// 512 of the tokens far behind, and the last 256.
const SPARSITY: Sparsity = { pages: 16, recentPages: 8 };

type Way = { name: string; color: string; load: Partial<LoadOptions>; sparsity: Sparsity | null };
const WAYS: Way[] = [
  { name: 'plain', color: '#8a8178', load: { method: 'plain' }, sparsity: null },
  { name: 'yarn', color: '#7d4f00', load: { method: 'yarn' }, sparsity: null },
  { name: 'dca', color: '#17594f', load: { method: 'dca' }, sparsity: null },
  { name: 'dca, int8 cache', color: '#2b6535', load: { method: 'dca', kvType: 'int8' }, sparsity: null },
  { name: 'dca, sparse', color: '#a3261b', load: { method: 'dca' }, sparsity: SPARSITY },
];

const [out, plot, count = '100'] = process.argv.slice(2);
if (out === undefined || plot === undefined) throw new Error('usage: needle.ts OUT.json OUT.svg [SAMPLES]');
const samples = Number(count);
const folder = await mkdtemp(join(tmpdir(), 'longhand-needle-'));
try {
  await compile(needleFolder, join(folder, 'model'), { name: 'needle', recipe: 'exact', kvPage: KV_PAGE });
  const rows = [];
  for (const way of WAYS) {
    for (const length of LENGTHS) {
      const row = await measure(way, length);
      console.error(JSON.stringify(row));
      rows.push(row);
    }
  }
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const sparsity = { ...SPARSITY, tokensOfAPage: KV_PAGE };
  const report = { commit, machine: describeMachine(), trainedTokens: TRAINED, samples, sparsity, rows };
  await writeFile(out, `${JSON.stringify(report, null, 2)}\n`);
  await writeFile(plot, draw(rows));
} finally {
  await rm(folder, { recursive: true, force: true });
}

type Row = { way: string; tokens: number; accuracy: number; attentionRecall: number | null };

async function measure({ name, load, sparsity }: Way, length: number): Promise<Row> {
  const options = { threads: 2, contextTokens: Math.max(length, TRAINED), ...load };
  const model = await Model.load(join(folder, 'model'), options);
  try {
    let right = 0;
    const recalls: number[] = [];
    for (let sample = 0; sample < samples; sample++) {
      const { prompt, answer } = syntheticSample('passkey', 9000 + sample, length - ANSWER, (sample + 0.5) / samples);
      const ids = byteIds(prompt);
      const sequence = model.newSequence();
      // The prompt is read densely but for its last block; what is asked is whether sparse reading finds the record.
      const split = ids.length - (ids.length % KV_PAGE);
      if (split > 0) await model.forward(sequence, ids.slice(0, split), { rows: [], sparsity: null });
      if (sparsity !== null) {
        const layers = await model.attentionRecall(sequence, ids.slice(split), { sparsity });
        recalls.push(layers.reduce((sum, one) => sum + one, 0) / layers.length);
      }
      const wanted = byteIds(answer);
      let isRight = true;
      for (let step = ids.slice(split), at = 0; at < wanted.length && isRight; at++) {
        const logits = await model.forward(sequence, step, { sparsity });
        const next = logits.reduce((best, value, id) => (value > logits[best]! ? id : best), 0);
        isRight = next === wanted[at];
        step = [next];
      }
      if (isRight) right++;
      model.forget(sequence);
      sequence.release();
    }
    const recall = recalls.length === 0 ? null : recalls.reduce((sum, one) => sum + one, 0) / recalls.length;
    return { way: name, tokens: length, accuracy: right / samples, attentionRecall: recall };
  } finally {
    model.release();
  }
}

function draw(rows: readonly Row[]): string {
  const [width, height, left, top, right, bottom] = [720, 380, 56, 24, 150, 48];
  const x = (tokens: number) => {
    const share = Math.log2(tokens / LENGTHS[0]!) / Math.log2(LENGTHS.at(-1)! / LENGTHS[0]!);
    return left + share * (width - left - right);
  };
  const y = (accuracy: number) => top + (1 - accuracy) * (height - top - bottom);
  const text = (at: [number, number], content: string, rest = '') =>
    `<text x="${at[0]}" y="${at[1]}" font-family="sans-serif" font-size="12" fill="#4a504e" ${rest}>${content}</text>`;
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    `<line x1="${left}" x2="${width - right}" y1="${y(share)}" y2="${y(share)}" stroke="#ddd8cd"/>`,
    text([left - 8, y(share) + 4], `${share * 100} %`, 'text-anchor="end"'),
  ]);
  const ticks = LENGTHS.map((tokens) =>
    text([x(tokens), height - bottom + 18], String(tokens), 'text-anchor="middle"'),
  );
  const lines = WAYS.flatMap(({ name, color }, index) => {
    const points = rows.filter((row) => row.way === name).map((row) => `${x(row.tokens)},${y(row.accuracy)}`);
    const label = top + 8 + index * 18;
    return [
      `<polyline points="${points.join(' ')}" fill="none" stroke="${color}" stroke-width="2"/>`,
      `<line x1="${width - right + 12}" x2="${width - right + 32}" y1="${label}" y2="${label}" stroke="${color}" stroke-width="2"/>`,
      text([width - right + 38, label + 4], name),
    ];
  });
  const axis = text([(left + width - right) / 2, height - 8], `tokens (trained on ${TRAINED})`, 'text-anchor="middle"');
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  const parts = [`<rect width="${width}" height="${height}" fill="#faf8f4"/>`, ...grid, ...ticks, ...lines, axis];
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img"><title>Passkeys found, by length</title>${parts.join('')}</svg>\n`;
}
