/** Words for moving the data folder, in English. */
export const enData = {
  move: 'Move…',
  byCommand: 'To move it, type in a terminal, with a folder for FOLDER:',
  question: (bytes: string, target: string, free: string) =>
    `${bytes} will go to ${target}, where ${free} are free. Everything is copied and checked before the old folder is emptied.`,
  restarts: 'Longhand starts again at the end. An answer that is being written then can be continued.',
  begin: 'Move the data',
  stages: {
    copy: 'Copying the data',
    switch: 'Checking the copy',
    remove: 'Emptying the old folder',
  },
  waits: 'Waits until nothing else is being installed',
  interrupted: 'The move was interrupted',
  failed: 'The data were not moved',
  kept: 'Your data are where they were, and whole.',
  tryAgain: 'Try again',
  giveUp: 'Give up',
  progress: 'Progress of the move',
  done: 'The data were moved.',
  cache: 'Computed conversations',
  cacheText: (most: string) =>
    `What the model has read is kept, so that a long conversation goes on at once after a restart. At most ${most}.`,
  clear: 'Clear…',
  clearTitle: 'Clear what was computed?',
  clearText: (bytes: string) =>
    `Frees ${bytes}. No conversation is lost: each is read again when it goes on, which takes a while for a long one.`,
  clearNow: 'Clear',
  cleared: (bytes: string) => `${bytes} are free again.`,
};
