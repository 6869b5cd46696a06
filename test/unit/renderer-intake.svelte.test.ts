import { describe, expect, it } from 'vitest';
import { MOST_WATCHED } from '../../main/contract/folder-rule.ts';
import { carriedWords } from '../../renderer/app/carried-words.ts';
import { Intake } from '../../renderer/state/intake.svelte.ts';
import { TestLine, until } from '../support/renderer-support.ts';

const megabytes = (count: number, name = 'Deed.pdf') => new File([new Uint8Array(count * 1e6)], name);

async function open(secondsToTakeIn: number) {
  const line = new TestLine();
  await until(() => expect(line.connection.state).toBe('connected'));
  line.assistant.documents.secondsToTakeIn = secondsToTakeIn;
  return new Intake(line.connection);
}

describe('files that come in', () => {
  it('are taken at once where that takes 30 s or less', async () => {
    const intake = await open(30);
    expect(await intake.wanted('keep', { files: [megabytes(1)] })).toBe(true);
    expect(intake.asked).toBeNull();
  });

  it('wait for a yes where it takes more, one question after the other', async () => {
    const intake = await open(31);
    const [first, second] = [
      intake.wanted('keep', { files: [megabytes(1)] }),
      intake.wanted('ask', { files: [megabytes(1, 'A.pdf'), megabytes(1, 'B.pdf')] }),
    ];
    await until(() => expect(intake.asked).toMatchObject({ lane: 'keep', name: 'Deed.pdf', price: { seconds: 31 } }));
    intake.asked?.answer(false);
    expect([await first, intake.asked?.lane]).toEqual([false, undefined]);
    await until(() =>
      expect(intake.asked).toMatchObject({ lane: 'ask', name: null, price: { files: 2, seconds: 62 } }),
    );
    intake.asked?.answer(true);
    expect([await second, intake.asked]).toEqual([true, null]);
  });

  it('are not asked about where a folder has more than will be watched', async () => {
    const intake = await open(31);
    const files = Array.from({ length: MOST_WATCHED + 1 }, () => new File(['x'.repeat(200)], 'a.txt'));
    expect(await intake.wanted('watch', { files })).toBe(true);
  });
});

it('what is dragged is told by its kinds, as far as a browser knows them', () => {
  const types = ['application/pdf', 'text/plain', 'application/pdf', 'image/png', 'video/mp4', '', ''];
  expect(carriedWords(types)).toBe('2 PDF, 1 Text, 1 Picture, 1 other file, 2 files or folders');
});
