import type { FrozenSequence, KvSequence } from '../kv-cache.ts';
import { PAGE_PARTS, pageValues, type KvPages } from '../kv-pages.ts';
import { newPackedTail, unpackTail } from '../packed-tail.ts';
import { sharedLength } from '../shared-length.ts';
import { idOf, rootOf, SnapshotDamaged, type NodeInfo, type NodeReader } from './format.ts';

/** A node to be written: its values lie where `sections` finds them. `bytes` are those that it takes anew. */
export type NewNode = { id: string; info: NodeInfo; sections(): ArrayBufferView[]; bytes: number };

/** The nodes of a sequence, each behind the one before; with `tail` also the page that was being filled. */
export function nodesOf(cacheKey: string, frozen: FrozenSequence, tail: boolean): NewNode[] {
  const { kvPage } = frozen.shape;
  const nodes: NewNode[] = [];
  const add = (kind: NodeInfo['kind'], from: number, to: number, sections: () => ArrayBufferView[]) => {
    const parent = nodes.at(-1)?.id ?? rootOf(cacheKey);
    const tokens = frozen.tokens.slice(from, to);
    nodes.push({ id: idOf(parent, tokens), info: { kind, cacheKey, parent, tokens }, sections, bytes: 0 });
  };
  for (let page = 0; page < frozen.pages; page++) {
    const { pages, at } = frozen.place(page);
    add('page', page * kvPage, (page + 1) * kvPage, () => partsOf(pages, at));
  }
  const start = frozen.pages * kvPage;
  if (tail && frozen.tokens.length > start) add('tail', start, frozen.tokens.length, () => [...frozen.tail]);
  return nodes;
}

/** Adds a node that was read behind all before it, as far as its tokens are those of a prompt. */
export type Add = (prompt: readonly number[]) => void;

/**
 * Reads a node to where it shall lie: a page of the sequence's own at `page`, for which room was reserved, or its tail.
 * @throws as `NodeReader.read`
 */
export async function readNode(sequence: KvSequence, reader: NodeReader, page: number): Promise<Add> {
  const { kind, tokens } = reader.info;
  const { shape } = sequence;
  if (kind === 'page' ? tokens.length !== shape.kvPage : tokens.length >= shape.kvPage) {
    throw new SnapshotDamaged(`It holds ${tokens.length} tokens.`);
  }
  if (kind === 'page') {
    const { pages } = sequence.stretches.own;
    await reader.read(partsOf(pages, page));
    return () => {
      pages.extend(1);
      sequence.adopt(tokens);
    };
  }
  const packed = newPackedTail(shape, tokens.length);
  await reader.read(packed);
  return (prompt) => {
    const shared = sharedLength(tokens, prompt.slice(sequence.length, sequence.length + tokens.length));
    unpackTail(packed, sequence.tail, shape, { stored: tokens.length, tokens: shared });
    sequence.adopt(tokens.slice(0, shared));
  };
}

function partsOf(pages: KvPages, page: number): ArrayBufferView[] {
  const values = pageValues(pages.shape);
  const parts = PAGE_PARTS.filter((part) => values[part] > 0);
  return Array.from({ length: pages.shape.layers }, (_, layer) =>
    parts.map((part) => pages.slice(layer, part, page, page + 1)),
  ).flat();
}
