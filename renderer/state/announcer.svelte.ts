const REST_MS = 2000;

/**
 * What a screen reader is told politely, apart from the page: at most one line every 2 s, the newest if several came.
 * The streaming text itself is never announced.
 */
export class Announcer {
  text = $state('');
  #next: string | null = null;
  #resting = false;

  say = (text: string): void => {
    if (this.#resting) {
      this.#next = text;
      return;
    }
    // Two equal lines in a row would be no change of the region, and so silent.
    this.text = text === this.text ? `${text}\u00a0` : text;
    this.#resting = true;
    setTimeout(() => {
      this.#resting = false;
      const next = this.#next;
      this.#next = null;
      if (next !== null) this.say(next);
    }, REST_MS);
  };

  /** As `say`, but nothing is passed over: what waits is said together. */
  add = (text: string): void => this.say(this.#next === null ? text : `${this.#next} ${text}`);
}
