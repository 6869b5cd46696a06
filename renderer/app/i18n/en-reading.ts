/** What reading costs before it begins, and reading in the background. */
export const enReading = {
  sentences: (parts: readonly string[]) => parts.join(' '),
  price: (duration: string, tokens: string) => `About ${duration} to read ${tokens} new tokens.`,
  followUp: (duration: string) => `Afterwards follow-ups start in about ${duration}.`,
  memory: (bytes: string) => `Takes ${bytes} of memory.`,
  noRoom: (bytes: string) => `Takes ${bytes} of memory, which is more than is free: expect it to be slow, or to fail.`,
  start: 'Read it in the background',
  label: 'Reading in the background',
  reading: 'Reading this conversation in the background.',
  states: {
    queued: 'Waits for its turn',
    paused: 'Paused; what was read is kept',
    interrupted: 'Interrupted; what was read is kept',
    failed: 'Stopped',
  },
  progress: 'Progress of reading',
  pause: 'Pause',
  resume: 'Go on',
  cancel: 'Give up',
};
