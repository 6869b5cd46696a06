import { posix } from 'node:path';
import { parseAllXml } from '../xml.ts';
import type { Zip } from '../zip.ts';

export type Relation = { type: string; target: string };

/** What a part of an Office file refers to, by id; targets are names of files in the archive. */
export function relationsOf(zip: Zip, part: string): Map<string, Relation> {
  const folder = posix.dirname(part);
  const relations = new Map<string, Relation>();
  parseAllXml(zip.read(posix.join(folder, '_rels', `${posix.basename(part)}.rels`)), {
    open(name, { Id, Type = '', Target = '', TargetMode }) {
      if (name !== 'Relationship' || Id === undefined || TargetMode === 'External') return;
      const target = Target.startsWith('/') ? Target.slice(1) : posix.join(folder, Target);
      relations.set(Id, { type: Type.slice(Type.lastIndexOf('/') + 1), target });
    },
  });
  return relations;
}
