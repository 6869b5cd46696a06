import { describe, expect, it } from 'vitest';
import { LatestJobs } from '../../renderer/state/latest-jobs.svelte.ts';
import { ReadAhead } from '../../renderer/state/read-ahead.svelte.ts';
import { TestLine, until } from '../support/renderer-support.ts';
import { plainPart } from '../support/scripted-documents.ts';

async function open() {
  const line = new TestLine();
  await until(() => expect(line.connection.state).toBe('connected'));
  const { documents, calls } = line.assistant;
  const reading = new ReadAhead(line.connection, new LatestJobs(line.connection, ['prefill']));
  return { reading, calls, documents, document: documents.put('Deed.pdf', [plainPart('The deed of 1871.')]) };
}

describe('reading a document ahead', () => {
  it('begins at once where it takes 30 s or less', async () => {
    const { reading, calls, documents, document } = await open();
    documents.secondsToRead = 30;
    await reading.ask(document);
    expect([reading.asked, calls]).toEqual([null, ['read Deed.pdf']]);
  });

  it('waits for a yes where it takes more', async () => {
    const { reading, calls, documents, document } = await open();
    documents.secondsToRead = 31;
    await reading.ask(document);
    expect(reading.asked).toMatchObject({ document: { name: 'Deed.pdf' }, price: { seconds: 31, fits: true } });
    reading.decline();
    await reading.agree(); // of what was declined nothing is left to agree to
    expect(calls).toEqual([]);
    await reading.ask(document);
    await reading.agree();
    expect([reading.asked, calls]).toEqual([null, ['read Deed.pdf']]);
  });

  it.each([
    ['what it takes is not known', { secondsToRead: null }],
    ['no model can tell what it takes', { isPriced: false }],
  ])('waits for a yes where %s', async (_, set) => {
    const { reading, calls, documents, document } = await open();
    Object.assign(documents, set);
    await reading.ask(document);
    expect([reading.asked?.document.name, calls]).toEqual(['Deed.pdf', []]);
    await reading.agree();
    expect(calls).toEqual(['read Deed.pdf']);
  });

  it('is not begun where it cannot fit, whatever is said', async () => {
    const { reading, calls, documents, document } = await open();
    documents.contextTokens = 2;
    await reading.ask(document);
    expect(reading.asked?.price?.fits).toBe(false);
    await reading.agree();
    expect(calls).toEqual([]);
  });
});
