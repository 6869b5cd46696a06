/** What lies in a folder and is no document of it: hidden files and folders, and the libraries of programs. */
export const isPassedOver = (name: string): boolean => name.startsWith('.') || name === 'node_modules';

/** So many entries of a folder are looked at to tell whether two are the same. */
export const SHOWN_FILES = 1000;

/** More files than that in a folder that is to be watched are a mistake, such as a home folder. */
export const MOST_WATCHED = 10_000;
