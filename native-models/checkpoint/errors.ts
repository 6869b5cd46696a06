/**
 * Why a checkpoint, its tokenizer or its template cannot be used.
 * The last three concern text rather than weights, but they too are faults of the file.
 */
export type CheckpointErrorCode =
  | 'not-a-checkpoint'
  | 'unsupported-version'
  | 'unsupported-architecture'
  | 'unsupported-type'
  | 'unsupported-setting'
  | 'corrupt-checkpoint'
  | 'limit-exceeded'
  | 'missing-metadata'
  | 'missing-tensor'
  | 'missing-base'
  | 'unsupported-tokenizer'
  | 'bad-tokenizer'
  | 'bad-chat-template';

/**
 * A fault of a model file, never of the program.
 * `message` is one English line for logs and the command line; `details` holds the values (path, tensor, key,
 * offset, expected, found) so that an interface can word them in its own language.
 */
export class CheckpointError extends Error {
  readonly code: CheckpointErrorCode;
  readonly details: Record<string, unknown>;

  constructor(
    code: CheckpointErrorCode,
    message: string,
    details: Record<string, unknown> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.name = 'CheckpointError';
    this.code = code;
    this.details = details;
  }
}
