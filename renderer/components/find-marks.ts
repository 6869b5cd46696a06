const NAME = 'find';

/**
 * Marks every place of `query` below `root` without touching the document: by the browser's own highlights, styled as
 * `::highlight(find)`. Follows changes until the returned function is called.
 */
export function paintMatches(root: Element | null, query: string): () => void {
  const words = query.trim().toLowerCase();
  if (root === null || words === '' || !('highlights' in CSS)) return () => {};
  let waiting = false;
  const paint = () => {
    waiting = false;
    CSS.highlights.set(NAME, new Highlight(...rangesOf(root, words)));
  };
  const observer = new MutationObserver(() => {
    if (!waiting) requestAnimationFrame(paint);
    waiting = true;
  });
  observer.observe(root, { childList: true, subtree: true, characterData: true });
  paint();
  return () => {
    observer.disconnect();
    CSS.highlights.delete(NAME);
  };
}

function rangesOf(root: Element, words: string): Range[] {
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (node.parentElement?.closest('li') == null) continue; // of messages only
    const text = (node.nodeValue ?? '').toLowerCase();
    for (let at = text.indexOf(words); at !== -1; at = text.indexOf(words, at + words.length)) {
      const range = document.createRange();
      range.setStart(node, at);
      range.setEnd(node, at + words.length);
      ranges.push(range);
    }
  }
  return ranges;
}
