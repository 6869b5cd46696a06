import { readFileSync } from 'node:fs';
import { z } from 'zod';

const place = z.object({
  x: z.number().int(),
  y: z.number().int(),
  width: z.number().int().min(320),
  height: z.number().int().min(240),
  maximised: z.boolean(),
});

/** Where a window was when it was closed, in the system's own points. */
export type Place = z.infer<typeof place>;
export type Rectangle = Omit<Place, 'maximised'>;

const USUAL = { width: 1180, height: 800 };
const GRIP = 80; // so much of a window has to be in sight for its title to be taken hold of

/** The place that `file` tells; null where there is none, or none that can be believed. */
export function readPlace(file: string): Place | null {
  try {
    return place.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return null;
  }
}

/** Where to open the window: where it was, if a screen of now shows enough of it, else in the middle of the first. */
export function choosePlace(saved: Place | null, screens: Rectangle[]): Partial<Rectangle> & typeof USUAL {
  if (saved !== null && screens.some((screen) => overlap(saved, screen) >= GRIP)) {
    const { maximised: _, ...bounds } = saved;
    return bounds;
  }
  const [{ width, height } = USUAL] = screens;
  return { width: Math.min(USUAL.width, width), height: Math.min(USUAL.height, height) };
}

/** The shorter side of what `a` and `b` share of the line of the title. */
function overlap(a: Rectangle, b: Rectangle): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + GRIP, b.y + b.height) - Math.max(a.y, b.y);
  return Math.min(width, height);
}
