import { describe, expect, it } from 'vitest';
import { Stick } from '../../renderer/state/stick.svelte.ts';

/** A view 100 high on a text of `height`, scrolled to `top`. */
const at = (top: number, height: number) => ({ top, height, viewport: 100 });

describe('following text that grows', () => {
  it('follows from the beginning', () => {
    const stick = new Stick();
    expect(stick.resized(at(0, 300))).toBe(true);
    stick.scrolled(at(200, 300));
    expect(stick.resized(at(200, 350))).toBe(true);
    expect(stick.unseen).toBe(false);
  });

  it('lets go when the reader scrolls up, and tells of text that arrives below', () => {
    const stick = new Stick();
    stick.scrolled(at(200, 300));
    stick.scrolled(at(120, 300));
    expect(stick.following).toBe(false);
    expect(stick.unseen).toBe(false);
    expect(stick.resized(at(120, 340))).toBe(false);
    expect(stick.unseen).toBe(true);
  });

  it('takes hold again within a line of the end', () => {
    const stick = new Stick();
    stick.scrolled(at(200, 300));
    stick.scrolled(at(50, 300));
    stick.resized(at(50, 400));
    stick.scrolled(at(280, 400));
    expect(stick.following).toBe(true);
    expect(stick.unseen).toBe(false);
  });

  it('is not shaken off by a text that becomes shorter', () => {
    const stick = new Stick();
    stick.scrolled(at(200, 300));
    stick.scrolled(at(100, 200));
    expect(stick.following).toBe(true);
  });

  it('is not shaken off either when it hears of the size before it hears of the move', () => {
    const stick = new Stick();
    stick.scrolled(at(200, 300));
    expect(stick.resized(at(155, 255))).toBe(true);
    stick.scrolled(at(155, 255));
    expect(stick.following).toBe(true);
    expect(stick.resized(at(155, 400))).toBe(true);
  });

  it('lets go of a text that grows in the moment of a move up', () => {
    const stick = new Stick();
    stick.scrolled(at(200, 300));
    stick.resized(at(190, 310));
    stick.scrolled(at(190, 310));
    expect(stick.following).toBe(false);
  });

  it('does not call it new text when only the window became smaller', () => {
    const stick = new Stick();
    stick.scrolled(at(200, 300));
    stick.scrolled(at(50, 300));
    stick.resized({ top: 50, height: 300, viewport: 60 });
    expect(stick.unseen).toBe(false);
  });

  it('lets go at a small move up, even within a line of the end', () => {
    const stick = new Stick();
    stick.scrolled(at(200, 300));
    stick.scrolled(at(194, 300));
    expect(stick.following).toBe(false);
    stick.scrolled(at(199, 300));
    expect(stick.following).toBe(true);
  });
});
