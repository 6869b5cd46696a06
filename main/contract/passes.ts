/**
 * Whether the questions of one task at one length and depth were answered well enough. A missed one is no verdict yet: two more
 * are asked, and three of four pass. So a model that is right 98 times of 100 passes all 15 cells of a length with 97 % (with
 * two of two asked for, 55 %), one that is right 8 times of 10 with 8 %, and one that is right every other time never.
 */
export function passes({ found, asked }: { found: number; asked: number }): boolean {
  return found === asked || (asked >= 4 && found >= asked * 0.75);
}
