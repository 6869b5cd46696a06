/** What a frame has time for: a row of the shelf takes some 2 ms to build, twice that the first time. */
const A_FEW = 4;
/** Whoever scrolls, or goes down by the keyboard, meets rows that are there. */
const AHEAD = '400px 0px';

/** How much of a list is built: a few rows more each frame until those in sight are there, the others as they come near. */
export class Growth {
  /** None in the task that makes the page around them, which is long enough. */
  shown = $state(0);
  #isNear = $state(true);

  /** Has to be made while a component is. @param count of all rows */
  constructor(count: () => number) {
    $effect(() => {
      if (!this.#isNear || this.shown >= count()) return;
      const next = this.shown + A_FEW;
      const frame = requestAnimationFrame(() => (this.shown = next));
      return () => cancelAnimationFrame(frame);
    });
  }

  /** Attached to what stands behind the rows that are shown, as long as there are others. */
  watch = (end: Element): (() => void) => {
    const tell = (entries: IntersectionObserverEntry[]) => (this.#isNear = entries.at(-1)?.isIntersecting ?? false);
    // Of the page's own scroller: with a margin around any scroller, Chromium does not always tell.
    const observer = new IntersectionObserver(tell, { root: end.closest('main'), rootMargin: AHEAD });
    observer.observe(end);
    return () => observer.disconnect();
  };
}
