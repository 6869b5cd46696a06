import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Sources } from '../../main/contract/citations.ts';
import type { LonghandClient } from '../../main/contract/index.ts';
import { openStore } from '../../main/services/store/open.ts';
import { failureOf, startAssistant, until, type Answer } from './assistant-support.ts';
import { talkOver } from './documents-support.ts';

const clause = (name: string, text: string) => `## ${name}\n\n${text}`;
const RENT = 'The tenant pays a monthly rent of 1,250 euros. It is due on the third working day of each month.';
const PETS = 'Dogs and cats may be kept in the flat only with the written consent of the landlord.';
const KEYS = 'The tenant receives three keys of the house door, and gives all of them back on the last day.';
const NOTICE = 'Either side may end this lease with a notice of three months to the end of a month.';
const GARDEN = 'The garden behind the house may be used by the tenant from April to October.';

const OLD = ['# Lease', clause('Rent', RENT), clause('Pets', PETS), clause('Keys', KEYS), clause('Notice', NOTICE)];
const NEW = [
  '# Lease',
  clause('Rent', RENT.replace('1,250', '1,300')),
  clause('Notice', NOTICE),
  clause('Keys', KEYS),
  clause('Garden', GARDEN),
];

const asked = ({ prompt }: Answer) => prompt.messages[0]!.content;
const done = (client: LonghandClient, id: string) =>
  until(async () => (await client.jobs.list()).find((job) => job.id === id && job.state === 'done'));

async function resultOf(client: LonghandClient, jobId: string) {
  const { result } = await done(client, jobId);
  const path = await client.chat.path({ id: String(result!.conversationId) });
  return { result: result!, path, text: path[1]!.text, sources: path[1]!.sources! };
}

/** What an answer shows of documents is what is stored there. */
async function checkQuotes(client: LonghandClient, { citations }: Sources) {
  for (const { span, quote } of citations.filter((citation) => citation.span !== null)) {
    const { text } = await client.documents.part({ id: span!.documentId, part: span!.part });
    expect(text.slice(span!.start, span!.end)).toBe(quote);
  }
}

describe('a comparison', () => {
  it('shows what changed with the words of both, and asks the model about nothing else', async () => {
    const { client, engine, documentIds } = await talkOver(OLD.join('\n\n'), NEW.join('\n\n'));
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    expect(job).toMatchObject({ kind: 'comparison', subject: `${before} ${after}` });
    const prompts: string[] = [];
    for (const says of [
      'The monthly rent rises from 1,250 to 1,300 euros.',
      'Dogs and cats need no consent of the landlord any more.',
      'The garden may be used by the tenant from April to October.',
      'The rent rises to 1,300 euros.',
    ]) {
      const answer = await engine.nextAnswer();
      prompts.push(asked(answer));
      answer.say(says).end();
    }
    expect(prompts[0]).toMatch(
      /^Before:\nThe tenant pays a monthly rent of 1,250 euros\.\n\nAfter:\nThe tenant pays a monthly rent of 1,300 euros\.\n\nSay in one/,
    );
    expect(prompts.join()).not.toMatch(/third working day|three keys/);
    expect(prompts[3]).toMatch(/^1\. Changed: The monthly rent[^]*\n\n\d\. Added: The garden/);
    const { result, path, text, sources } = await resultOf(client, job.id);
    expect(result).toMatchObject({ changed: 1, added: 1, removed: 1 });
    expect(path[0]!.text).toBe('Compare the two documents.');
    expect(text).toMatch(
      /^“text 1\.md” \(before\) and “text 2\.md” \(after\): \d of 9 and \d of 9 paragraphs are the same\./,
    );
    expect(text).toContain(
      '# 1. Changed: Rent\n\n- **Before**: “The tenant pays a monthly rent of 1,250 euros.”\n' +
        '- **After**: “The tenant pays a monthly rent of 1,300 euros.”\n\nThe monthly rent rises',
    );
    await checkQuotes(client, sources);
    const shown = sources.citations.map(({ state, span, quote }) => [
      state,
      span && documentIds.indexOf(span.documentId),
      quote,
    ]);
    expect(shown).toContainEqual(['exact', 0, 'The tenant pays a monthly rent of 1,250 euros.']);
    expect(shown).toContainEqual(['exact', 1, 'The tenant pays a monthly rent of 1,300 euros.']);
    expect(shown).toContainEqual(['exact', 0, PETS]);
    expect(shown).toContainEqual(['exact', 1, GARDEN]);
    const attached = await client.documents.attached({ conversationId: path[0]!.conversationId });
    expect(attached.documentIds).toEqual([before, after]);
  });

  it('holds what the model says against both documents', async () => {
    const { client, engine, documentIds } = await talkOver(
      OLD.join('\n\n'),
      OLD.join('\n\n').replace('1,250', '1,300'),
    );
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    const says = 'The tenant pays a monthly rent of 1,200 euros. Parking costs extra on Sundays.';
    (await engine.nextAnswer()).say(says).end();
    const { text, sources } = await resultOf(client, job.id);
    const claimed = sources.citations.filter(({ start }) => start >= text.indexOf(says));
    expect(claimed).toMatchObject([
      { state: 'close', doubts: [{ kind: 'number', text: '1200' }] },
      { state: 'missing', span: null },
    ]);
    expect(text.slice(claimed[1]!.start, claimed[1]!.end)).toBe('Parking costs extra on Sundays.');
  });

  it('of documents that say the same asks the model nothing', async () => {
    const { client, documentIds } = await talkOver(OLD.join('\n\n'), OLD.join('\n\n\n'));
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    const { text, sources } = await resultOf(client, job.id);
    expect(text).toBe('“text 1.md” (before) and “text 2.md” (after) say the same.');
    expect(sources.citations).toEqual([]);
  });

  it('shows the sentences that differ, wherever their lines break', async () => {
    const text = (rate: string) =>
      `The loan runs for ten years from the day on\nwhich it is signed. Its rate is ${rate} percent\na year. It may be repaid earlier.`;
    const { client, engine, documentIds } = await talkOver(`${PETS}\n\n${text('four')}`, `${PETS}\n\n${text('five')}`);
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    (await engine.nextAnswer()).say('The rate rises from four to five percent a year.').end();
    const { text: says, sources } = await resultOf(client, job.id);
    expect(says).toContain(
      '- **Before**: “Its rate is four percent a year.”\n- **After**: “Its rate is five percent a year.”',
    );
    await checkQuotes(client, sources);
  });

  it('of thousands of changes shows and explains the longest, and says so', { timeout: 30_000 }, async () => {
    const rows = (price: number) =>
      Array.from(
        { length: 320 },
        (_, i) => `Item${i} of group${i % 7} costs ${price + i} euros each ${'x'.repeat(i)}.`,
      );
    const { client, engine, documentIds } = await talkOver(rows(1000).join('\n\n'), rows(5000).join('\n\n'));
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    const asks: string[] = [];
    for (; !asks.at(-1)?.includes('These are the changes');) {
      const answer = await engine.nextAnswer();
      asks.push(asked(answer));
      answer.say(`It costs more, number ${asks.length}.`).end();
    }
    const { result, text } = await resultOf(client, job.id);
    expect(result).toMatchObject({ changed: 320 });
    expect(asks.filter((prompt) => prompt.startsWith('Before:'))).toHaveLength(50);
    expect(asks[0]).toContain('Item270 ');
    expect(text).toContain('Only the 300 longest of all 320 differences are shown.');
    expect(text).toContain('was asked of the 50 longest only.');
    expect(text.match(/^# \d+\. Changed/gmu)).toHaveLength(300);
  });

  it('tells what stands at another place from what is gone or new', async () => {
    const { client, documentIds } = await talkOver(
      [RENT, PETS, KEYS, NOTICE].join('\n\n'),
      [PETS, KEYS, NOTICE, RENT].join('\n\n'),
    );
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    const { result, text, sources } = await resultOf(client, job.id);
    expect(result).toMatchObject({ changed: 0, added: 0, removed: 0, moved: 1 });
    expect(text).toContain(`- **From**: “${RENT}”\n- **To**: “${RENT}”`);
    expect(sources.citations.map(({ span }) => span!.documentId)).toEqual([before, after]);
  });

  it('goes on where it was after a pause and after a restart of the app', async () => {
    const { client, engine, documentIds, dataDir, close } = await talkOver(OLD.join('\n\n'), NEW.join('\n\n'));
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    (await engine.nextAnswer()).say('First.').end();
    const second = await engine.nextAnswer();
    await client.jobs.pause({ id: job.id });
    expect(second.signal.aborted).toBe(true);
    expect((await client.documents.compare({ before, after })).id).toBe(job.id); // goes on with it
    const again = await engine.nextAnswer();
    expect(asked(again)).toBe(asked(second));
    await close();
    const next = startAssistant({ dataDir });
    next.engine.contextTokens = 10_000;
    const third = await next.engine.nextAnswer();
    expect(asked(third)).toBe(asked(second));
    third.say('Second.').end();
    (await next.engine.nextAnswer()).say('Third.').end();
    (await next.engine.nextAnswer()).say('All.').end();
    const { text } = await resultOf(next.client, job.id);
    for (const words of ['First.', 'Second.', 'Third.', 'All.']) expect(text).toContain(words);
  });

  it('of two different documents goes by notes on both, however long they are', async () => {
    const long = (name: string, words: string) =>
      [1, 2].map((n) => `${name} ${n} ${`${words}. `.repeat(60)}`).join('\n\n');
    const rivers = long('Rivers', 'Water runs downhill through green valleys towards some distant sea');
    const bridges = long('Bridges', 'Stone arches carry heavy loads over deep gorges without falling down');
    const { client, engine, documentIds } = await talkOver(rivers, bridges);
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    const prompts: string[] = [];
    for (;;) {
      const answer = await engine.nextAnswer();
      prompts.push(asked(answer));
      const isLast = asked(answer).includes('Compare the two documents');
      answer.say(isLast ? 'One is about rivers, the other about bridges.' : `Note ${prompts.length}.`).end();
      if (isLast) break;
    }
    expect(prompts.at(-1)).toMatch(/^Notes on the first document:\nNote 1\.[^]*Notes on the second document:\nNote/);
    expect(prompts.filter((prompt) => prompt.includes('Rivers')).length).toBeGreaterThan(1);
    const { result, text } = await resultOf(client, job.id);
    expect(result.sections).toBe(prompts.length - 1);
    expect(text).toMatch(/hardly a paragraph in common[^]*One is about rivers/);
  });

  it('ends with one of its documents, and refuses those that are not there', async () => {
    const { client, engine, documentIds, dataDir, close } = await talkOver(OLD.join('\n\n'), NEW.join('\n\n'));
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    (await engine.nextAnswer()).say('The rent rises.').end();
    const { signal } = await engine.nextAnswer();
    await client.documents.remove({ id: after });
    expect((await failureOf(client.documents.compare({ before, after }))).code).toBe('not-found');
    expect(signal.aborted).toBe(true);
    expect((await client.jobs.list()).find(({ id }) => id === job.id)?.state).toBe('cancelled');
    await close();
    const store = openStore(join(dataDir, 'longhand.db'));
    onTestFinished(() => store.close());
    expect(store.jobs.get(job.id)?.checkpoint).toEqual({}); // no words of what was removed
  });

  it('shows words that look like Markdown as they are', async () => {
    const { client, engine, documentIds } = await talkOver(
      `${PETS}\n\nThe *fee* is [1] a_b | 5 dollars in all cases.\n\n${KEYS}`,
      `${PETS}\n\nThe *fee* is [2] a_b | 6 dollars in all cases.\n\n${KEYS}`,
    );
    const [before, after] = documentIds as [string, string];
    const job = await client.documents.compare({ before, after });
    (await engine.nextAnswer()).say('So.').end();
    const { text } = await resultOf(client, job.id);
    expect(text).toContain('“The \\*fee\\* is \\[1\\] a\\_b \\| 5 dollars in all cases.”');
  });
});
