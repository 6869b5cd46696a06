const NAME = 'find';
const CURRENT = 'find-current';
const MESSAGE = '[id^="message-"]';

/**
 * Marks every place of `query` below `root` without touching the document: by the browser's own highlights, styled as
 * `::highlight(find)`. Follows changes until the returned function is called.
 */
export function paintMatches(root: Element | null, query: string): () => void {
  const words = query.trim().toLowerCase();
  if (root === null || words === '' || !('highlights' in CSS)) return () => {};
  let waiting = false;
  let isOver = false;
  const paint = () => {
    waiting = false;
    if (isOver) return; // other words may be marked by now
    CSS.highlights.set(NAME, new Highlight(...rangesOf(root, words)));
  };
  const observer = new MutationObserver(() => {
    if (!waiting) requestAnimationFrame(paint);
    waiting = true;
  });
  observer.observe(root, { childList: true, subtree: true, characterData: true });
  paint();
  return () => {
    isOver = true;
    observer.disconnect();
    CSS.highlights.delete(NAME);
    CSS.highlights.delete(CURRENT);
  };
}

/**
 * Brings the `nth` match of a message to the upper third of what scrolls, and marks it apart from the others. The text
 * as it is shown may lack what its Markdown has, such as an address behind a link: then the last one before it is taken.
 */
export function scrollToMatch(messageId: string, query: string, nth: number): void {
  const message = document.getElementById(`message-${messageId}`);
  const scroller = message?.closest<HTMLElement>('[data-region]');
  if (!message || !scroller) return;
  const range = rangesOf(message, query.trim().toLowerCase())
    .slice(0, nth + 1)
    .at(-1);
  if (range === undefined) return;
  const { top } = range.getBoundingClientRect();
  scroller.scrollTop += top - scroller.getBoundingClientRect().top - scroller.clientHeight / 3;
  if ('highlights' in CSS) CSS.highlights.set(CURRENT, new Highlight(range));
}

/** Whether the focus has come to a message, which happens when one is brought into view. */
export function isMessage(target: EventTarget | null): boolean {
  return target instanceof Element && target.matches(MESSAGE);
}

function rangesOf(root: Element, words: string): Range[] {
  const ranges: Range[] = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    if (!node.parentElement?.closest(MESSAGE)) continue;
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
