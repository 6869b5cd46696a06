import { expectedTensors } from '../architectures/index.ts';
import type { StoredPart } from '../architectures/tensors.ts';
import type { ModelConfig } from './checkpoint.ts';
import { CheckpointError } from './errors.ts';

/** A tensor as the compiler knows it and the part of a stored one that holds it. */
export type MatchedTensor = StoredPart & {
  name: string;
  /** As the compiler sees it; `StoredPart.shape` of the stored one may stack several. */
  ownShape: readonly number[];
};

/** What a format tells of a tensor; `offset` in bytes, for messages. */
type Stored = { shape: readonly number[]; offset?: number };

/** Precomputed tables of old files; they hold nothing that the configuration does not say. */
const ignored = /\.(attn_rot_embd|rotary_emb\.inv_freq)(\.weight)?$/;

/**
 * Finds every tensor of the model among the stored ones, by Hugging Face name, and checks that none is missing,
 * misshapen or unknown: a tensor that no one reads would silently change the model.
 * @throws CheckpointError `missing-tensor` | `corrupt-checkpoint` | `unsupported-setting`
 */
export function matchTensors(
  path: string,
  config: ModelConfig,
  format: 'gguf' | 'huggingFace',
  stored: ReadonlyMap<string, Stored>,
): Map<string, MatchedTensor> {
  const matched = new Map<string, MatchedTensor>();
  const used = new Set<string>();
  for (const { name, shape: ownShape, optional, gguf, huggingFace } of expectedTensors(config)) {
    const places = format === 'gguf' ? [gguf] : huggingFace;
    const part = places.find((place) => stored.has(place.tensor));
    if (!part) {
      if (optional) continue;
      throw missingTensor(path, places[0]!.tensor);
    }
    checkShape(path, part, stored.get(part.tensor)!);
    used.add(part.tensor);
    matched.set(name, { ...part, name, ownShape });
  }
  for (const name of stored.keys()) {
    if (used.has(name) || ignored.test(name)) continue;
    // transformers ties the head to the embedding whatever the file holds besides.
    if (config.tiedEmbeddings && name === 'lm_head.weight') continue;
    throw new CheckpointError(
      'unsupported-setting',
      `${path}: tensor ${name} is not part of a ${config.architecture} model as supported here`,
      { path, tensor: name, architecture: config.architecture },
    );
  }
  return matched;
}

export function missingTensor(path: string, tensor: string): CheckpointError {
  return new CheckpointError('missing-tensor', `${path}: tensor ${tensor} is missing`, { path, tensor });
}

function checkShape(path: string, part: StoredPart, { shape, offset }: Stored): void {
  if (shape.join() === part.shape.join()) return;
  const place = offset === undefined ? '' : ` at byte ${offset}`;
  throw new CheckpointError(
    'corrupt-checkpoint',
    `${path}: tensor ${part.tensor}${place} has shape [${shape}], expected [${part.shape}]`,
    { path, tensor: part.tensor, offset, expected: part.shape, found: shape },
  );
}
