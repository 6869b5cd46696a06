/** What nobody has to be asked about: less than both. */
const LONG_SECONDS = 30;
const MUCH_BYTES = 2 ** 30;

/** Whether something takes so long, or so much memory or disk, that the user is asked first; where nobody knows, it may. */
export const isDear = ({ seconds, bytes }: { seconds: number | null; bytes: number | null }): boolean =>
  seconds === null || bytes === null || seconds > LONG_SECONDS || bytes > MUCH_BYTES;
