/**
 * Every error that a user may come to see. The renderer and the command line turn a code and its details into words;
 * `message` is the English line for logs and for shells without a dictionary.
 */
export const errorCodes = [
  // data folder and database
  'data-folder-in-use',
  'data-folder-unusable',
  'database-corrupt',
  'database-newer',
  'database-missing',
  'migration-failed',
  'data-folder-away',
  'move-refused',
  'disk-full',
  'not-found',
  // conversation
  'conversation-busy',
  'context-length-exceeded',
  'nothing-to-continue',
  'empty-message',
  'document-not-ready',
  'call-unreadable',
  'call-failing',
  'too-many-calls',
  'query-not-select',
  'query-too-long',
  // model
  'no-model',
  'model-not-found',
  'model-in-use',
  'context-too-large',
  'model-damaged',
  'checkpoint-unreadable',
  'not-a-checkpoint',
  'unsupported-checkpoint',
  'adapter-needs-base',
  'download-failed',
  'checksum-mismatch',
  'license-not-acknowledged',
  'not-at-hub',
  'offline',
  'bad-chat-template',
  // documents
  'document-unreadable',
  'document-encrypted',
  'document-too-large',
  'unsupported-document',
  'folder-too-large',
  'host-not-allowed',
  'address-not-fetched',
  // processes
  'engine-stopped',
  'engine-hung',
  'embedder-stopped',
  'reader-stopped',
  'assistant-stopped',
  'runtime-failed',
  // shell
  'port-in-use',
  'unauthorised',
  'path-not-chosen',
  'app-damaged',
  'invalid-input',
  'cancelled',
  'internal',
] as const;
export type ErrorCode = (typeof errorCodes)[number];

/** An expected failure: a code from the contract and the values that explain it (paths, counts, limits; JSON only). */
export class LonghandError extends Error {
  override readonly name = 'LonghandError';
  readonly code: ErrorCode;
  readonly details: Record<string, unknown>;

  constructor(
    code: ErrorCode,
    message: string,
    details: Record<string, unknown> = {},
    options: { cause?: unknown } = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/** The JSON form in which an error is stored with a message or a job. */
export type StoredError = { code: ErrorCode; message: string; details: Record<string, unknown> };

/** What to store or send of any thrown value; unexpected ones become `internal` and keep their message. */
export function toStoredError(error: unknown): StoredError {
  if (error instanceof LonghandError) return { code: error.code, message: error.message, details: error.details };
  if (error instanceof Error && error.name === 'AbortError') {
    return { code: 'cancelled', message: 'Cancelled.', details: {} };
  }
  return { code: 'internal', message: error instanceof Error ? error.message : String(error), details: {} };
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && (errorCodes as readonly string[]).includes(value);
}
