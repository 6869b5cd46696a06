/** In characters; and how many a document may carry. */
export const LONGEST_TAG = 60;
export const MOST_TAGS = 50;

/** A tag as it is kept: '  #Lease   1871' is 'Lease 1871'; '' where nothing is left. A comma parts two tags, so none has one. */
export const tidyTag = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/[\s,，\p{Cc}]+/gu, ' ')
    .trim()
    .replace(/^[#＃]+\s*/u, '')
    .slice(0, LONGEST_TAG)
    .trim();

/** The tags in what was typed, each once whatever its case: 'lease, Mill Lane' are two. */
export function tagsIn(text: string): string[] {
  return unlikeTags(text.split(/[,，]/u).map(tidyTag));
}

/** Without empty ones and those that differ from an earlier one by case alone. */
export function unlikeTags(tags: readonly string[]): string[] {
  const seen = new Set<string>();
  return tags.filter((tag) => tag !== '' && !seen.has(foldTag(tag)) && seen.add(foldTag(tag)));
}

/** What two spellings of a tag have in common. */
export const foldTag = (tag: string): string => tag.toLowerCase();
