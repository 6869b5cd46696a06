import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Message } from '../../main/contract/chat.ts';
import { endScripts, runScript } from '../support/run.ts';

// The command line as a program, with processes of its own that answer by script.
let data = '';
beforeEach(() => void (data = mkdtempSync(join(tmpdir(), 'longhand-cli-'))));
afterEach(async () => {
  await endScripts();
  rmSync(data, { recursive: true, force: true, maxRetries: 5 });
});

const longhand = (argv: string[], env?: Record<string, string>, stdin?: string) =>
  runScript('test/support/processes/longhand.ts', [...argv, '--data', data], env, stdin);
const stored = () => (JSON.parse(readFileSync(join(data, 'fake.json'), 'utf8')) as { messages: Message[] }).messages;

describe('the command line without a running Longhand', () => {
  it('waits for the model, shows how it comes, and leaves the data folder free', async () => {
    const first = longhand(['ask', 'die'], { FAKE_MODEL: 'installing' });
    expect(await first.ended).toBe(0);
    expect(first.stdout()).toBe('Paris is the capital of France.\n');
    expect(first.stderr().split('\n')).toEqual([
      'Scripted model: download, 1.0 of 4.0 MB (25%), 500.0 kB/s, 6 s left',
      'The assistant process stopped (SIGKILL). It is started again now.',
      'The answer was interrupted. Going on with it (1 of 3).',
      '',
    ]);
    expect(readFileSync(join(data, 'fake.pid'), 'utf8')).toBe('0'); // closed in order
  });

  it('says what to do when there is no model', async () => {
    const none = longhand(['ask', 'Why?', '--no-fetch'], { FAKE_MODEL: 'none' });
    expect(await none.ended).toBe(1);
    expect(none.stderr()).toBe('longhand: There is no model. Get one with: longhand models pull\n');
  });

  it('counts a data folder that another program has as a failure in doctor', async () => {
    writeFileSync(join(data, 'fake.pid'), String(process.pid));
    const doctor = longhand(['doctor', '--json']);
    expect(await doctor.ended).toBe(1);
    expect(JSON.parse(doctor.stdout())).toMatchObject({
      ok: false,
      findings: [{ id: 'data-folder-in-use', level: 'failure' }],
    });
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends in order at %s, with the text of a running answer kept', async (signal, code) => {
    const asking = longhand(['ask', 'a long one']);
    await asking.says(/word9/);
    asking.child.kill(signal);
    expect(await asking.ended).toBe(code);
    expect(stored().at(-1)?.text).toContain('word9');
    expect(readFileSync(join(data, 'fake.pid'), 'utf8')).toBe('0');
  });

  it('is content when its reader has seen enough', async () => {
    const asking = longhand(['ask', 'a long one']);
    await asking.says(/word1/);
    asking.child.stdout?.destroy();
    expect(await asking.ended).toBe(0);
    expect(asking.stderr()).toBe('');
  });
});
