/** Whose prompt it is, to the engine, which saves and deletes caches for owners, and to the jobs that fill them. */
const ofKind = (kind: string) => ({
  of: (id: string) => `${kind}:${id}`,
  /** The id of an owner of this kind; null of another. */
  idOf: (owner: string) => (owner.startsWith(`${kind}:`) ? owner.slice(kind.length + 1) : null),
});

export const conversationOwner = ofKind('conversation');
/** A document that is read before a conversation asks about it. */
export const documentOwner = ofKind('document');

/** What a job is done to, where that is one document or several. */
export const documentsSubject = {
  of: (ids: readonly string[]) => ids.join(' '),
  idsOf: (subject: string) => subject.split(' '),
};
