import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, parse, resolve } from 'node:path';
import { recipe, type RecipeName } from '../../contract/reader.ts';
import type { BenchReport } from '../../contract/system.ts';
import type { Connection } from '../../shell/connection.ts';
import { findDataFolder } from '../../shell/data-folder.ts';
import { formatBytes } from '../../shell/progress.ts';
import { defineCommand, parseNumber, UsageError, type Context } from '../command.ts';
import { compareWithLlamaCpp, describe } from '../compare/compare.ts';
import { finishJob, readyModel } from '../model.ts';
import { table } from '../table.ts';

const REPEATS = 3;

export const bench = defineCommand({
  name: 'bench',
  usage: '[--model NAME | --model FILE]',
  summary: 'measure how fast the model reads and writes here',
  options: {
    repeats: { type: 'string', value: 'N', help: `measure each point N times and take the median (${REPEATS})` },
    compare: { type: 'string', value: 'llama.cpp', help: 'measure it in turns with ours on the same --model FILE' },
    recipe: { type: 'string', value: 'RECIPE', help: 'how to compile FILE: fast, balanced (the default) or exact' },
    threads: { type: 'string', value: 'N', help: 'threads for each in a comparison (all cores)' },
  },
  fetch: 'starter',
  async run(context) {
    const { values, positionals, model, json, connect, progress, print, say } = context;
    if (positionals.length > 0) throw new UsageError('bench takes no arguments, only options');
    const repeats = parseNumber('repeats', values.repeats, { min: 1, max: 20, isWhole: true }) ?? REPEATS;
    const threads = parseNumber('threads', values.threads, { min: 1, max: 256, isWhole: true });
    const chosen = recipe.default('balanced').safeParse(values.recipe);
    if (!chosen.success) {
      throw new UsageError(`--recipe takes ${recipe.options.join(', ')}, not '${values.recipe}'`);
    }
    const file = model !== undefined && isFile(model) ? resolve(model) : null;

    if (values.compare !== undefined) {
      if (values.compare !== 'llama.cpp') throw new UsageError(`--compare knows llama.cpp, not '${values.compare}'`);
      if (file === null) throw new UsageError('--compare needs --model with a GGUF file that both can read');
      const report = await compareWithLlamaCpp({
        path: file,
        recipe: chosen.data,
        threads: threads ?? availableParallelism(),
        repeats,
        toolsFolder: join(findDataFolder(context.data), 'tools'),
        say,
      });
      for (const line of json ? [JSON.stringify(report)] : report.points.map(describe)) print(line);
      return 0;
    }
    if (threads !== undefined) throw new UsageError('--threads goes with --compare; else the settings have it');
    const connection = await connect();
    const name = file === null ? model : await importFile(context, connection, file, chosen.data);
    await readyModel(connection, name, progress);
    const report = await measure(context, connection, repeats);
    for (const line of json ? [JSON.stringify(report)] : describeReport(report)) print(line);
    return 0;
  },
});

async function importFile(
  { progress }: Context,
  connection: Connection,
  path: string,
  chosen: RecipeName,
): Promise<string> {
  const { name } = parse(path);
  const job = await connection.run((client) => client.models.import({ path, name, recipe: chosen }));
  await finishJob(connection, job, progress);
  return name;
}

/** Ctrl-C needs no handler here: leaving ends the port, and with it the measuring. */
function measure({ progress }: Context, connection: Connection, repeats: number): Promise<BenchReport> {
  return connection.run(async (client) => {
    for await (const event of await client.system.bench({ repeats })) {
      if (event.type === 'report') {
        progress.clear();
        return event.report;
      }
      progress.update(`${event.label} (${event.done} of ${event.total})`, event.label);
    }
    throw new Error('The measurement ended without a report.');
  });
}

function describeReport({
  machine,
  model,
  threads,
  points,
  rssBytes,
  bandwidthGBs,
  shareOfBound,
}: BenchReport): string[] {
  const shares = new Map(shareOfBound.map(({ tokens, share }) => [tokens, `${Math.round(share * 100)}%`]));
  const rows = points.map(({ kind, tokens, tokensPerSecond, runs }) => [
    kind,
    tokens.toLocaleString('en'),
    tokensPerSecond.toFixed(1),
    `${Math.min(...runs).toFixed(1)} to ${Math.max(...runs).toFixed(1)}`,
    kind === 'decode' ? (shares.get(tokens) ?? '') : '',
  ]);
  return [
    `${model} on ${machine.cpu}, ${threads} of ${machine.cores} threads, ${formatBytes(machine.memoryBytes)}`,
    '',
    ...table(['', 'tokens', 'tokens/s', 'from', 'of bound'], rows),
    '',
    `Memory ${formatBytes(rssBytes)}. The bound is the memory, which these threads read at ${bandwidthGBs.toFixed(1)} GB/s.`,
  ];
}

function isFile(path: string): boolean {
  return existsSync(path) && statSync(path).isFile();
}
