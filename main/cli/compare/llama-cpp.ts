import { fork, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LonghandError } from '../../contract/errors.ts';

const VERSION = '3.22.1';

type Reply = { id: number; value?: unknown; error?: string };

/** llama.cpp on one GGUF file, in a process of its own; contexts with flash attention off and on are open together once both were used. */
export type LlamaCpp = {
  systemInfo: string;
  prefill(input: { tokens: number; flashAttention: boolean }): Promise<number>;
  decode(input: { tokens: number; steps: number; flashAttention: boolean }): Promise<number>;
  /** As if `tokens` tokens were cached, for the two below; those cut back what they add. */
  fill(input: { tokens: number; flashAttention: boolean }): Promise<void>;
  decodeFilled(input: { tokens: number; steps: number; flashAttention: boolean }): Promise<number>;
  prefillFilled(input: { tokens: number; fresh: number; flashAttention: boolean }): Promise<number>;
  greedy(input: { ids: readonly number[]; count: number; flashAttention: boolean }): Promise<number[]>;
  logits(input: { ids: readonly number[]; flashAttention: boolean }): Promise<number[]>;
  /** Natural logarithms of the probabilities of ids[1], ids[2], … */
  logProbabilities(input: { ids: readonly number[]; flashAttention: boolean }): Promise<number[]>;
  close(): void;
};

/**
 * Installs node-llama-cpp below `toolsFolder` if it is not there (it is no dependency of the product) and opens `path`.
 * @throws LonghandError `offline` when it cannot be installed
 */
export async function openLlamaCpp(options: {
  path: string;
  toolsFolder: string;
  threads: number;
  contextTokens: number;
  /** How it keeps keys and values: `F16` unless told, else a name of ggml. Quantised ones need flash attention. */
  kvType?: string;
  say(line: string): void;
}): Promise<LlamaCpp> {
  const folder = join(options.toolsFolder, `node-llama-cpp-${VERSION}`);
  if (!existsSync(join(folder, 'node_modules', 'node-llama-cpp'))) await install(folder, options.say);
  const child = fork(fileURLToPath(new URL('llama-cpp-runner.mjs', import.meta.url)), [folder], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let next = 0;
  child.on('message', ({ id, value, error }: Reply) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) call?.resolve(value);
    else call?.reject(new Error(`llama.cpp: ${error}`));
  });
  child.on('exit', (code) => {
    for (const call of waiting.values()) call.reject(new Error(`llama.cpp ended with exit code ${code}`));
  });
  const call = <T>(operation: string, input: object) =>
    new Promise<T>((resolve, reject) => {
      waiting.set(++next, { resolve: resolve, reject });
      child.send({ id: next, operation, input });
    });
  const { path, threads, contextTokens, kvType } = options;
  const { systemInfo } = await call<{ systemInfo: string }>('open', {
    path,
    threads,
    contextTokens,
    kvType,
  });
  return {
    systemInfo,
    prefill: (input) => call('prefill', input),
    decode: (input) => call('decode', input),
    fill: (input) => call('fill', input),
    decodeFilled: (input) => call('decodeFilled', input),
    prefillFilled: (input) => call('prefillFilled', input),
    greedy: (input) => call('greedy', input),
    logits: (input) => call('logits', input),
    logProbabilities: (input) => call('logProbabilities', input),
    close: () => child.disconnect(),
  };
}

async function install(folder: string, say: (line: string) => void): Promise<void> {
  say(`Installing node-llama-cpp ${VERSION} for the comparison (about 1 GB with all its variants) …`);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const args = [
    'install',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
    `node-llama-cpp@${VERSION}`,
  ];
  const child = spawn('npm', args, { cwd: folder, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
  const code = await new Promise<number | null>((resolve) => {
    child.on('exit', resolve);
    child.on('error', () => resolve(null));
  });
  if (code === 0) return;
  throw new LonghandError('offline', 'node-llama-cpp could not be installed, so there is nothing to compare with.', {
    code,
  });
}
