import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { foretell } from '../../main/services/documents/estimate.ts';
import { startAssistant, tempFolder } from './assistant-support.ts';

const file = (name: string, megabytes: number) => ({ name, sizeBytes: megabytes * 1e6 });
const seconds = (...files: ReturnType<typeof file>[]) => foretell(files, { byMeaning: false }).seconds;

describe('what taking files in is foretold to take', () => {
  // test/bench/results/documents-intake.json has what it took: 6.9, 9.6, 1.2, 2.3 and 1.5 s.
  it.each([
    ['policy.pdf', 0.894, 6.9],
    ['valgrind_manual.pdf', 1.398, 9.6],
    ['policy.docx', 0.403, 1.2],
    ['ledger.xlsx', 0.838, 2.3],
    ['ledger.csv', 2.363, 1.5],
  ])('is within a quarter of what was measured of %s', (name, megabytes, measured) => {
    expect(seconds(file(name, megabytes)) / measured).toBeGreaterThan(0.75);
    expect(seconds(file(name, megabytes)) / measured).toBeLessThan(1.25);
  });

  it('counts a picture as a picture, an archive as what is in it, and of a film only its copy', () => {
    expect(seconds(file('scan.PNG', 8))).toBeCloseTo(seconds(file('scan.png', 1)));
    expect(seconds(file('all.zip', 1))).toBeGreaterThan(seconds(file('all.txt', 1)));
    const film = foretell([file('film.mp4', 4000)], { byMeaning: true });
    expect(film).toMatchObject({ files: 1, meaningSeconds: 0, bytes: 4e9 });
    expect(film.seconds).toBeLessThan(1);
  });

  it('tells of meaning only where a model finds by it', () => {
    expect(foretell([file('a.pdf', 10)], { byMeaning: false }).meaningSeconds).toBeNull();
    expect(foretell([file('a.pdf', 10)], { byMeaning: true }).meaningSeconds).toBeGreaterThan(60);
  });

  it('is asked with files and folders, of which nothing is taken in', async () => {
    const { client } = startAssistant();
    const folder = tempFolder();
    mkdirSync(join(folder, 'old'));
    for (const name of ['a.txt', 'old/b.txt', '.hidden.txt']) writeFileSync(join(folder, name), 'x'.repeat(1000));
    const asked = { files: [file('c.pdf', 2)], paths: [folder, join(folder, 'nowhere')] };
    const told = await client.documents.estimate(asked);
    expect(told).toMatchObject({ files: 3, sizeBytes: 2_002_000, meaningSeconds: null });
    expect(told.seconds).toBeGreaterThan(10);
    expect(await client.documents.list()).toEqual([]);
  });
});
