import { appendFileSync } from 'node:fs';
import { defineThread } from '../../main/contract/thread.ts';

/** A thread that writes down what becomes of it, and works without a pause. */
const diary = defineThread('diary', import.meta.url, (path: string, atEnd) => {
  appendFileSync(path, 'opened');
  atEnd(() => appendFileSync(path, ', closed'));
  return ({ workMs }: { workMs: number }) => {
    const endMs = performance.now() + workMs;
    while (performance.now() < endMs);
    appendFileSync(path, `, worked ${workMs}`);
  };
});

export const openDiary = (path: string) => diary.open(path);
