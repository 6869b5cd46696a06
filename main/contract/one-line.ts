/** A text without its line breaks, tabs and runs of blanks, as it stands in a list or a heading. */
export const oneLine = (text: string): string => text.replace(/\s+/gu, ' ').trim();
