import { createContext } from 'svelte';

type Heard = (isNear: boolean, heightPx: number) => void;

// More than a page and a half of a large window on either side, so that scrolling meets text and not gaps.
const MARGIN = '1500px 0px';

/** Tells the pieces of a scrolled page when they come near what is seen, with one observer for all of them. */
export class Viewport {
  #observer: IntersectionObserver | null = null;
  readonly #heard = new Map<Element, Heard>();
  /** Pieces that have come near, by their distance from what is seen. Each takes a good part of a frame to build. */
  readonly #coming = new Map<Element, number>();
  #frame = 0;

  /** Watches within `scroller` from now on. */
  begin(scroller: HTMLElement): () => void {
    const observer = new IntersectionObserver((entries) => this.#tell(entries), { root: scroller, rootMargin: MARGIN });
    this.#observer = observer;
    for (const element of this.#heard.keys()) observer.observe(element);
    return () => observer.disconnect();
  }

  watch(element: Element, heard: Heard): () => void {
    this.#heard.set(element, heard);
    this.#observer?.observe(element);
    return () => {
      this.#heard.delete(element);
      this.#coming.delete(element);
      this.#observer?.unobserve(element);
    };
  }

  #tell(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting, boundingClientRect, rootBounds } of entries) {
      this.#coming.delete(target);
      if (isIntersecting) {
        const { top, bottom } = rootBounds ?? boundingClientRect;
        const middle = (top + bottom) / 2;
        const { top: from, bottom: to } = boundingClientRect;
        this.#coming.set(target, from > middle ? from - middle : Math.max(0, middle - to));
      } else if (!isInUse(target)) this.#heard.get(target)?.(false, boundingClientRect.height); // what is in use stays
    }
    if (this.#coming.size > 0 && this.#frame === 0) this.#frame = requestAnimationFrame(() => this.#bring());
  }

  /** One piece a frame, the nearest first, so that no frame is late. */
  #bring(): void {
    this.#frame = 0;
    const [nearest] = [...this.#coming].sort(([, a], [, b]) => a - b);
    if (nearest === undefined) return;
    const [element] = nearest;
    this.#coming.delete(element);
    this.#heard.get(element)?.(true, 0);
    if (this.#coming.size > 0) this.#frame = requestAnimationFrame(() => this.#bring());
  }
}

function isInUse(element: Element): boolean {
  if (element.contains(document.activeElement)) return true;
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
}

export const [getViewport, setViewport] = createContext<Viewport>();
