import type { FrozenSequence, KvSequence } from '../kv-cache.ts';
import { PAGE_PARTS, pageValues, type KvPages } from '../kv-pages.ts';
import { newPackedTail, unpackTail } from '../packed-tail.ts';
import { sharedLength } from '../shared-length.ts';
import { SnapshotDamaged, type NodeReader } from './format.ts';

/** Where the parts of a full page of `frozen` lie, layer by layer. */
export function sectionsOf(frozen: FrozenSequence, page: number): ArrayBufferView[] {
  const { pages, at } = frozen.place(page);
  return partsOf(pages, at);
}

/** Reads a node behind what `sequence` holds, as far as its tokens are those of `prompt`. @throws as `NodeReader.read` */
export async function loadNode(sequence: KvSequence, reader: NodeReader, prompt: readonly number[]): Promise<void> {
  const { kind, tokens } = reader.info;
  if (kind === 'page' ? tokens.length !== sequence.shape.kvPage : tokens.length >= sequence.shape.kvPage) {
    throw new SnapshotDamaged(`It holds ${tokens.length} tokens.`);
  }
  if (kind === 'page') await loadPage(sequence, reader);
  else await loadTail(sequence, reader, prompt);
}

async function loadPage(sequence: KvSequence, reader: NodeReader): Promise<void> {
  const { pages } = sequence.stretches.own;
  const page = pages.count;
  pages.extend(1);
  try {
    await reader.read(partsOf(pages, page));
  } catch (error) {
    pages.truncate(page);
    throw error;
  }
  sequence.adopt(reader.info.tokens);
}

async function loadTail(sequence: KvSequence, reader: NodeReader, prompt: readonly number[]): Promise<void> {
  const { tokens } = reader.info;
  const packed = newPackedTail(sequence.shape, tokens.length);
  await reader.read(packed);
  const shared = sharedLength(tokens, prompt.slice(sequence.length, sequence.length + tokens.length));
  unpackTail(packed, sequence.tail, sequence.shape, { stored: tokens.length, tokens: shared });
  sequence.adopt(tokens.slice(0, shared));
}

function partsOf(pages: KvPages, page: number): ArrayBufferView[] {
  const values = pageValues(pages.shape);
  const parts = PAGE_PARTS.filter((part) => values[part] > 0);
  return Array.from({ length: pages.shape.layers }, (_, layer) =>
    parts.map((part) => pages.slice(layer, part, page, page + 1)),
  ).flat();
}
