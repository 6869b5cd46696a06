import { describe, expect, it } from 'vitest';
import { contextChanges, describeChoices } from '../../main/cli/context.ts';
import { contextChoices } from '../support/scripted-data.ts';

describe('the command line', () => {
  it.each([
    [{}, {}],
    [{ sparse: 'on' }, { sparse: true }],
    [
      { sparse: 'off', kv: 'int8', method: 'yarn', context: '32768' },
      { sparse: false, kvType: 'int8', method: 'yarn', contextTokens: 32_768 },
    ],
    [{ context: 'trained' }, { contextTokens: null }],
  ])('asks of a context, with %j, for %j', (values, changes) => {
    expect(contextChanges(values)).toEqual(changes);
  });

  it('says plainly whether what lies far behind is read sparsely, and what that trades', () => {
    expect(describeChoices(contextChoices).at(-1)).toBe(
      'Sparse reading is off (beyond 16,384 tokens, 6,144 are read for each: faster far down, may miss things).',
    );
    const options = { ...contextChoices.options, sparse: true };
    expect(describeChoices({ ...contextChoices, options }).at(-1)).toMatch(/^Sparse reading is on: beyond 16,384/);
  });
});
