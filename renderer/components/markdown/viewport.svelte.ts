import { createContext } from 'svelte';

type Heard = (isNear: boolean, heightPx: number) => void;

// More than a page and a half of a large window on either side, so that scrolling meets text and not gaps.
const MARGIN = '1500px 0px';

/** Tells the pieces of a scrolled page when they come near what is seen, with one observer for all of them. */
export class Viewport {
  #observer: IntersectionObserver | null = null;
  readonly #heard = new Map<Element, Heard>();

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
      this.#observer?.unobserve(element);
    };
  }

  #tell(entries: IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting, boundingClientRect } of entries) {
      // What the user has the focus in or has selected stays, wherever the view goes.
      if (!isIntersecting && isInUse(target)) continue;
      this.#heard.get(target)?.(isIntersecting, boundingClientRect.height);
    }
  }
}

function isInUse(element: Element): boolean {
  if (element.contains(document.activeElement)) return true;
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed && selection.containsNode(element, true);
}

export const [getViewport, setViewport] = createContext<Viewport>();
