/** What a scroller reports; all in CSS pixels. */
export type Scroll = { top: number; height: number; viewport: number };

const NEAR_PX = 24; // about one line: a reader this close to the end means to follow it

/**
 * Whether the view follows text that grows at its end. It lets go as soon as the reader scrolls up, takes hold again
 * when the reader comes back to the end, and knows whether something arrived unseen in between.
 */
export class Stick {
  following = $state(true);
  unseen = $state(false);
  #top = 0;
  #height = 0;

  /** The scroller moved, by the reader's hand or ours. */
  scrolled({ top, height, viewport }: Scroll): void {
    const atEnd = height - viewport - top <= NEAR_PX;
    // A list that became shorter moves the view up without anybody's wish; only a move inside the same text lets go. It
    // does so at the first pixel, or a slow hand could never leave the end of an answer that grows.
    const movedUp = top < this.#top - 0.5 && height >= this.#height;
    if (movedUp) this.following = false;
    else if (atEnd) this.follow();
    this.#top = top;
    this.#height = height;
  }

  /** The text or the window changed its size. True when the view should be moved to the end. */
  resized({ top, height, viewport }: Scroll): boolean {
    const grew = height > this.#height;
    this.#height = height;
    // A text that became shorter takes its end along. That is heard of as a move up, but later, and is none.
    if (height - viewport - top <= 1) this.#top = top;
    if (!this.following && grew && height - viewport - top > NEAR_PX) this.unseen = true;
    return this.following;
  }

  follow(): void {
    this.following = true;
    this.unseen = false;
  }
}
