import type { NodeKind } from './format.ts';

const NAME = /^([0-9a-f]{32})-([0-9a-f]{32})\.(page|tail)$/;

/** A snapshot file: what its name, its size and its time say. */
export type SnapshotNode = {
  id: string;
  parent: string;
  kind: NodeKind;
  bytes: number;
  /** When it, or what lies behind it, was used last: milliseconds since 1970. */
  usedMs: number;
  /** Null until its header was read. */
  tokens: readonly number[] | null;
};

export function nameOf({ parent, id, kind }: Pick<SnapshotNode, 'parent' | 'id' | 'kind'>): string {
  return `${parent}-${id}.${kind}`;
}

/** Null for a name that is none of ours. */
export function parseName(name: string): Pick<SnapshotNode, 'parent' | 'id' | 'kind'> | null {
  const [, parent, id, kind] = NAME.exec(name) ?? [];
  return parent === undefined || id === undefined ? null : { parent, id, kind: kind as NodeKind };
}

/** All snapshot files of a folder, each behind the one that its tokens follow. */
export class SnapshotTree {
  readonly #nodes = new Map<string, SnapshotNode>();
  readonly #children = new Map<string, Set<SnapshotNode>>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): SnapshotNode | undefined {
    return this.#nodes.get(id);
  }

  all(): SnapshotNode[] {
    return [...this.#nodes.values()];
  }

  children(parent: string): SnapshotNode[] {
    return [...(this.#children.get(parent) ?? [])];
  }

  add(node: SnapshotNode): void {
    this.#nodes.set(node.id, node);
    const siblings = this.#children.get(node.parent) ?? new Set();
    this.#children.set(node.parent, siblings.add(node));
    this.#bytes += node.bytes;
  }

  remove(node: SnapshotNode): void {
    if (this.#nodes.get(node.id) !== node) return;
    this.#nodes.delete(node.id);
    const siblings = this.#children.get(node.parent)!;
    siblings.delete(node);
    if (siblings.size === 0) this.#children.delete(node.parent);
    this.#bytes -= node.bytes;
  }

  /** Notes that a node was used, and with it all that lies before it. */
  touch(id: string, nowMs: number): void {
    for (const node of this.path(id)) node.usedMs = Math.max(node.usedMs, nowMs);
  }

  /** Counts use of a node as use of all before it, where times were read one by one. */
  spreadUse(): void {
    for (const node of this.#nodes.values()) if (!this.#children.has(node.id)) this.touch(node.parent, node.usedMs);
  }

  /** A node and those before it, last first. */
  *path(id: string): Generator<SnapshotNode, void, void> {
    for (let node = this.#nodes.get(id); node !== undefined; node = this.#nodes.get(node.parent)) yield node;
  }

  /** Nodes that no tip stands on. */
  unreachable(tips: Iterable<string>): SnapshotNode[] {
    const reached = new Set<string>();
    for (const tip of tips) {
      for (const { id } of this.path(tip)) {
        if (reached.has(id)) break;
        reached.add(id);
      }
    }
    return this.all().filter(({ id }) => !reached.has(id));
  }

  /** A node and all behind it, those that nothing stands on first. */
  subtree(node: SnapshotNode): SnapshotNode[] {
    const found = [node];
    for (let at = 0; at < found.length; at++) found.push(...this.children(found[at]!.id));
    return found.reverse();
  }

  /** The node that went unused for longest, of those that nothing stands on; never `kept`. */
  leastUsed(kept: string): SnapshotNode | null {
    let least: SnapshotNode | null = null;
    for (const node of this.#nodes.values()) {
      if (node.id === kept || this.#children.has(node.id)) continue;
      if (least === null || node.usedMs < least.usedMs) least = node;
    }
    return least;
  }
}
