import { join } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from './errors.ts';
import { readJsonFile, readOptionalJsonFile, readOptionalText } from './hf-json.ts';

/** How a tokenizer's class in transformers splits text, by the name of the pre-tokeniser that does the same. */
const splits: Readonly<Record<string, string>> = { Qwen2Tokenizer: 'qwen2', Qwen2TokenizerFast: 'qwen2' };
const MOST_TOKENS = 1 << 20;

const id = z.int().nonnegative().max(MOST_TOKENS);
const vocabularyFile = z.record(z.string(), id);
const settingsFile = z.object({
  tokenizer_class: z.string(),
  add_prefix_space: z.boolean().nullish(),
  added_tokens_decoder: z.record(
    z.string().regex(/^\d{1,7}$/),
    z.object({ content: z.string(), special: z.boolean().default(false) }),
  ),
});

/** What a byte-level tokenizer is made of, however its files keep it. */
export type HfVocabulary = {
  /** Of the file that holds the tokens, for messages. */
  path: string;
  pre: string;
  vocab: Record<string, number>;
  /** `left right`, the first to be merged first. */
  merges: readonly string[];
  added: readonly { id: number; content: string; special: boolean }[];
};

/**
 * The older form of a tokenizer: vocab.json, merges.txt, and what tokenizer_config.json says. How text is split is in
 * none of them; the class of the tokenizer tells. Null where there is no vocab.json.
 * @throws CheckpointError `unsupported-tokenizer` | `missing-metadata` | `corrupt-checkpoint` | `limit-exceeded`
 */
export async function readVocabulary(
  folder: string,
  limits: { vocabulary: number; settings: number },
): Promise<HfVocabulary | null> {
  const path = join(folder, 'vocab.json');
  const vocab = await readOptionalJsonFile(path, vocabularyFile, limits.vocabulary);
  if (vocab === null) return null;
  const settings = await readJsonFile(join(folder, 'tokenizer_config.json'), settingsFile, limits.settings);
  const kind = settings.tokenizer_class;
  if (!Object.hasOwn(splits, kind) || settings.add_prefix_space) {
    const found = settings.add_prefix_space ? 'add_prefix_space' : kind.slice(0, 80);
    const message = `${folder}: tokenizer.json is missing, and how ${JSON.stringify(found)} splits text is not known without it`;
    const supported = Object.keys(splits);
    throw new CheckpointError('unsupported-tokenizer', message, { path: folder, found, supported });
  }
  return {
    path,
    pre: splits[kind]!,
    vocab,
    merges: await readMerges(join(folder, 'merges.txt'), limits.vocabulary),
    added: Object.entries(settings.added_tokens_decoder).map(([at, token]) => ({ ...token, id: Number(at) })),
  };
}

/** One pair a line, after a line that names the version. */
async function readMerges(path: string, maxBytes: number): Promise<string[]> {
  const text = await readOptionalText(path, maxBytes);
  if (text === null) throw new CheckpointError('missing-metadata', `${path} is missing`, { path });
  const lines = text.split(/\r?\n/);
  const merges: string[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === '' || (index === 0 && line.startsWith('#version:'))) continue;
    if (!/^[^ ]+ [^ ]+$/.test(line)) {
      const message = `${path}: line ${index + 1} is not two parts of a token`;
      throw new CheckpointError('corrupt-checkpoint', message, { path, line: index + 1, found: line.slice(0, 80) });
    }
    merges.push(line);
  }
  return merges;
}
