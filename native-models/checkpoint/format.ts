import type { Checkpoint } from './checkpoint.ts';

/** A file format that checkpoints come in. */
export type CheckpointFormat = {
  name: string;
  /** Whether a file that starts with these bytes (up to 16) is of this format, readable or not. */
  recognises(head: Uint8Array): boolean;
  open(path: string): Promise<Checkpoint>;
};
