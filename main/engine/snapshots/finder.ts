import { join } from 'node:path';
import type { KvSequence } from '../kv-cache.ts';
import type { Model } from '../model.ts';
import { sharedLength, usable } from '../shared-length.ts';
import type { Disk } from './disk.ts';
import { idOf, NodeReader, rootOf, SnapshotDamaged } from './format.ts';
import { readNode, type Add } from './pages.ts';
import { nameOf, type SnapshotNode, type SnapshotTree } from './tree.ts';

/** Pages that are read ahead: one is checked while the next come from the disk. */
const READ_AT_ONCE = 3;
/** Fewer tokens are read again sooner than they are worth a file. */
export const WORTH_SAVING = 64;

/** The model, as far as its caches depend on it. */
export type CacheOf = Pick<Model, 'cacheKey' | 'blocks' | 'shape'>;

/** Nodes that hold the beginning of a prompt; the last may go on otherwise than the prompt does. */
type Found = { nodes: SnapshotNode[]; tokens: number };

export type FinderOptions = {
  disk: Disk;
  folder: string;
  tree: SnapshotTree;
  /** Called with nodes that are no longer in the tree, because one of their files cannot be used. */
  onLost(lost: SnapshotNode[], error: unknown): void;
};

/** Finds and reads what is saved. Nothing of it is believed before it was checked. */
export class SnapshotFinder {
  readonly #options: FinderOptions;

  constructor(options: FinderOptions) {
    this.#options = options;
  }

  /** The longest run of pages, and of the nodes behind it the one that goes on like `prompt` for longest. */
  async find({ cacheKey, blocks, shape: { kvPage } }: CacheOf, prompt: ArrayLike<number>): Promise<Found> {
    const { tree } = this.#options;
    const limit = prompt.length - 1; // one token is always computed: its logits are wanted
    const nodes: SnapshotNode[] = [];
    let parent = rootOf(cacheKey);
    let known = 0;
    for (; known + kvPage <= limit; known += kvPage) {
      const node = tree.get(idOf(parent, slice(prompt, known, known + kvPage)));
      if (node === undefined) break;
      nodes.push(node);
      parent = node.id;
    }
    const rest = slice(prompt, known, Math.min(known + kvPage, limit));
    let last: { node: SnapshotNode; shared: number } | null = null;
    for (const node of tree.children(parent)) {
      const shared = sharedLength((await this.#tokensOf(node, cacheKey)) ?? [], rest);
      if (shared > (last?.shared ?? 0)) last = { node, shared };
    }
    if (last === null) return { nodes, tokens: usable(known, prompt, blocks) };
    return { nodes: [...nodes, last.node], tokens: usable(known + last.shared, prompt, blocks) };
  }

  /**
   * Makes `sequence`, which holds the beginning of `prompt`, as long as what is saved allows; one that would gain little
   * stays as it is. An abort leaves it with the pages that it has by then.
   * @returns the tokens that were read, and the last node
   */
  async restore(
    sequence: KvSequence,
    model: CacheOf,
    prompt: readonly number[],
    signal?: AbortSignal,
  ): Promise<{ tokens: number; tip: string | null }> {
    const { kvPage } = sequence.shape;
    const { nodes, tokens } = await this.find(model, prompt);
    if (tokens < sequence.length + WORTH_SAVING) return { tokens: 0, tip: null };
    const pages = Math.floor(sequence.length / kvPage);
    sequence.truncate(pages * kvPage);
    const tip = await this.#load(sequence, model.cacheKey, nodes.slice(pages), { prompt, signal });
    sequence.truncate(usable(sharedLength(sequence.tokens, prompt), prompt, model.blocks));
    return { tokens: Math.max(0, sequence.length - pages * kvPage), tip };
  }

  /** The tokens of a node; null, and it is gone, where its file is not sound. */
  async #tokensOf(node: SnapshotNode, cacheKey: string): Promise<readonly number[] | null> {
    if (node.tokens !== null) return node.tokens;
    try {
      await (await this.#open(node, cacheKey)).close();
      return node.tokens;
    } catch (error) {
      this.#lose(node, error);
      return null;
    }
  }

  /** Adds nodes in their order, up to the first that is not sound. @returns the last that was added */
  async #load(
    sequence: KvSequence,
    cacheKey: string,
    nodes: readonly SnapshotNode[],
    { prompt, signal }: { prompt: readonly number[]; signal: AbortSignal | undefined },
  ): Promise<string | null> {
    const first = sequence.stretches.own.count;
    // All at once: what is being read to must not move.
    sequence.reserve(nodes.length);
    const reading: Promise<Add | null>[] = [];
    let begun = 0;
    let tip: string | null = null;
    for (const node of nodes) {
      for (; begun < nodes.length && reading.length < READ_AT_ONCE; begun++) {
        reading.push(this.#read(sequence, cacheKey, nodes[begun]!, first + begun));
      }
      const add = await reading.shift();
      if (!add || signal?.aborted) break;
      add(prompt);
      tip = node.id;
    }
    await Promise.all(reading);
    return tip;
  }

  /** Null, and the node is gone, where its file is not sound. */
  async #read(sequence: KvSequence, cacheKey: string, node: SnapshotNode, page: number): Promise<Add | null> {
    try {
      const reader = await this.#open(node, cacheKey);
      try {
        return await readNode(sequence, reader, page);
      } finally {
        await reader.close();
      }
    } catch (error) {
      this.#lose(node, error);
      return null;
    }
  }

  async #open(node: SnapshotNode, cacheKey: string): Promise<NodeReader> {
    const { disk, folder } = this.#options;
    const reader = await NodeReader.open(disk, join(folder, nameOf(node)));
    const { info } = reader;
    const isIt = info.kind === node.kind && info.parent === node.parent && info.cacheKey === cacheKey;
    if (isIt && idOf(info.parent, info.tokens) === node.id) {
      node.tokens = info.tokens;
      return reader;
    }
    await reader.close();
    throw new SnapshotDamaged('It is not what its name says.');
  }

  #lose(node: SnapshotNode, error: unknown): void {
    const { tree, onLost } = this.#options;
    const lost = tree.subtree(node);
    for (const one of lost) tree.remove(one);
    onLost(lost, error);
  }
}

function slice(tokens: ArrayLike<number>, from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, i) => tokens[from + i]!);
}
