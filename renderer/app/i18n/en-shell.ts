/** What the window says when there is nothing behind it. */
export const enShell = {
  failureTitle: 'Longhand cannot start',
  tryAgain: 'Try again',
  details: 'Details',
};
