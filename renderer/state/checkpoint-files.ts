import { LonghandError } from '../../main/contract/errors.ts';

/** All files of one checkpoint; of a split GGUF file the first part comes first. */
export type CheckpointFiles = { parts: File[]; isFolder: boolean };

/** What a folder of safetensors is read of; everything else in it stays where it is. */
const FOLDER_FILES = /\.safetensors$|^[\w.-]+\.json$|^merges\.txt$|^chat_template\.jinja$/i;
const CONFIG = /^(adapter_)?config\.json$/;
const PART = /-\d{5}-of-(\d{5})\.gguf$/i;

export const folderOf = (path: string) => path.replace(/[\\/][^\\/]*$/, '');
const nameOf = (path: string) => path.slice(path.search(/[^\\/]*$/));

/**
 * The checkpoints among files whose content is at hand, in the order in which they were given.
 * @throws LonghandError `not-a-checkpoint` where there is none, or not all of one
 */
export function checkpointsAmong(files: readonly File[]): CheckpointFiles[] {
  const groups = [...Map.groupBy(files, keyOf)].map(([key, group]): CheckpointFiles => {
    if (key === FOLDER) return { parts: group, isFolder: true };
    return { parts: group.toSorted((a, b) => (a.name < b.name ? -1 : 1)), isFolder: false };
  });
  const found = groups.filter(
    ({ parts, isFolder }) => !isFolder || parts.some(({ name }) => /\.safetensors$/i.test(name)),
  );
  if (found.length === 0 || !found.every(isWhole)) {
    const name = files[0]?.name ?? '';
    throw new LonghandError('not-a-checkpoint', 'No checkpoint, or not all of it.', { name, files: files.length });
  }
  return found.map(({ parts, isFolder }) => ({
    parts: isFolder ? parts.filter(({ name }) => FOLDER_FILES.test(name)) : parts,
    isFolder,
  }));
}

/**
 * The paths to import where `paths` were chosen in a dialog: what else belongs to a checkpoint lies beside it.
 * @throws LonghandError `not-a-checkpoint` for files of another kind
 */
export function checkpointPaths(paths: readonly string[]): string[] {
  const chosen = paths.map((path) => {
    const name = nameOf(path);
    if (/\.safetensors(\.index\.json)?$/i.test(name) || CONFIG.test(name)) return folderOf(path);
    const firstPart = path.replace(/-\d{5}(-of-\d{5}\.gguf)$/i, '-00001$1');
    return paths.includes(firstPart) ? firstPart : path;
  });
  // Companions that were chosen with their folder; one without a dot may be a folder itself.
  const found = chosen.filter((path) => /\.gguf$/i.test(path) || !FOLDER_FILES.test(nameOf(path)));
  const known = [...new Set(found)].filter((path) => !/\.(txt|jinja)$/i.test(path));
  if (known.length > 0 || paths.length === 0) return known;
  throw new LonghandError('not-a-checkpoint', 'No checkpoint was chosen.', { name: nameOf(paths[0]!) });
}

const FOLDER = '';

function keyOf({ name }: File): string {
  return /\.gguf$/i.test(name) ? name.replace(PART, '-of-$1.gguf') : FOLDER;
}

function isWhole({ parts, isFolder }: CheckpointFiles): boolean {
  const names = parts.map(({ name }) => name);
  if (new Set(names).size < names.length) return false; // files of two folders
  return isFolder ? names.some((name) => CONFIG.test(name)) : parts.length === Number(PART.exec(names[0]!)?.[1] ?? 1);
}
