/**
 * Documents that are not named one by one: those in a watched folder, those that carry a tag, all on the shelf. What they are is
 * asked each time. `id`: of the folder, the tag itself, or '' for the shelf.
 */
export type Collection = { kind: 'folder' | 'tag' | 'shelf'; id: string };

export const wholeShelf: Collection = { kind: 'shelf', id: '' };

export const isSameCollection = (a: Collection, b: Collection): boolean => a.kind === b.kind && a.id === b.id;
