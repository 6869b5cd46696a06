import { LonghandError } from '../../contract/errors.ts';

/** What is said to work for one model while another one answers: it can go on once that is chosen again. */
export function answersInstead(name: string, wanted: string): LonghandError {
  const message = `${name} answers just now. Choose ${wanted}, then go on.`;
  return new LonghandError('model-in-use', message, { name, wanted });
}
