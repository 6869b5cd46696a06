import { LonghandError } from '../../contract/errors.ts';
import type { HubFile, Listing } from './hub.ts';

/** The files of one checkpoint in a repository. */
export type ChosenCheckpoint = {
  /** What the repository's name is followed by to ask for it: a quantisation, a file, or nothing where it has one only. */
  selector: string | null;
  format: 'gguf' | 'safetensors';
  files: HubFile[];
  /** Where its reader begins: the first part, or null for the folder. */
  main: string | null;
};

/** What is read of a folder of safetensors, besides the weights. */
const COMPANIONS: readonly string[] = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'chat_template.jinja',
  'chat_template.json',
  'quantize_config.json',
  'quant_config.json',
  'adapter_config.json',
];

/** Of several quantisations, the one that is fetched where none was named: fast and near enough to the original. */
const PREFERENCE: readonly string[] = ['Q4_0', 'Q8_0', 'Q4_K_M', 'Q5_K_M', 'Q6_K', 'Q4_1', 'Q5_0', 'F16', 'BF16'];

/** Every checkpoint of a repository, the preferred first. */
export function checkpointsIn(files: readonly HubFile[]): ChosenCheckpoint[] {
  const rank = ({ selector }: ChosenCheckpoint) => {
    const at = PREFERENCE.findIndex((one) => one === selector?.toUpperCase());
    return at === -1 ? PREFERENCE.length : at;
  };
  const ggufs = ggufsIn(files).toSorted((a, b) => rank(a) - rank(b));
  const tensors = tensorsIn(files);
  return tensors === null ? ggufs : [...ggufs, tensors];
}

/**
 * The checkpoint that `selector` names: a quantisation in any case, or the path of a file; null takes the preferred.
 * @throws LonghandError `not-at-hub`, naming what there is
 */
export function chooseCheckpoint(listing: Listing, selector: string | null): ChosenCheckpoint {
  const all = checkpointsIn(listing.files);
  const wish = selector?.toLowerCase();
  const found = all.find(
    (one) =>
      wish === undefined ||
      (one.selector ?? 'safetensors').toLowerCase() === wish ||
      one.files.some(({ path }) => path.toLowerCase() === wish),
  );
  if (found !== undefined) return found;
  const known = all.map((one) => one.selector ?? 'safetensors');
  const message = `${listing.repository} has no ${selector ?? 'checkpoint that can be read'}${known.length > 0 ? `; it has ${known.join(', ')}` : ''}.`;
  throw new LonghandError('not-at-hub', message, { name: listing.repository, known });
}

/** Parts of a split file belong together, and only whole. */
function ggufsIn(files: readonly HubFile[]): ChosenCheckpoint[] {
  const groups = new Map<string, { total: number; parts: Map<number, HubFile> }>();
  for (const file of files) {
    const [, stem, part, total] = /^(.*?)(?:-(\d{5})-of-(\d{5}))?\.gguf$/i.exec(file.path) ?? [];
    // Projectors of pictures and matrices of importance are no models.
    if (stem === undefined || /(^|[/._-])(mmproj|imatrix)/i.test(stem)) continue;
    const key = `${stem} ${total ?? ''}`;
    const group = groups.get(key) ?? { total: Number(total ?? 1), parts: new Map<number, HubFile>() };
    group.parts.set(Number(part ?? 1), file);
    groups.set(key, group);
  }
  return [...groups].flatMap(([key, { total, parts }]) => {
    const whole = Array.from({ length: Math.min(total, parts.size + 1) }, (_, i) => parts.get(i + 1));
    if (!whole.every((file) => file !== undefined) || hasTwins(whole)) return [];
    const stem = key.slice(0, key.lastIndexOf(' '));
    return [
      {
        selector: quantizationOf(stem) ?? whole[0]!.path,
        format: 'gguf' as const,
        files: whole,
        main: baseName(whole[0]!.path),
      },
    ];
  });
}

/** The weights at the root, and what describes them. */
function tensorsIn(files: readonly HubFile[]): ChosenCheckpoint | null {
  const root = files.filter(({ path }) => !path.includes('/'));
  const weights = root.filter(({ path }) => path.endsWith('.safetensors'));
  const published = weights.filter(({ path }) => /^(gptq_)?(adapter_)?model/.test(path));
  const chosen = published.length > 0 ? published : weights;
  if (chosen.length === 0) return null;
  const companions = root.filter(({ path }) => COMPANIONS.includes(path) || path.endsWith('.safetensors.index.json'));
  return { selector: null, format: 'safetensors', files: [...companions, ...chosen], main: null };
}

/** `qwen2.5-7b-instruct-q4_k_m` -> `Q4_K_M`. */
function quantizationOf(stem: string): string | null {
  const [, name] = /[-._/](i?q\d(?:_[0-9a-z]+)*|bf16|f16|f32|fp16)$/i.exec(stem) ?? [];
  return name === undefined ? null : name.toUpperCase().replace('FP16', 'F16');
}

/** Files are kept side by side, whatever folders they came from. */
function hasTwins(files: readonly HubFile[]): boolean {
  return new Set(files.map(({ path }) => baseName(path).toLowerCase())).size !== files.length;
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
