import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../main/contract/chat.ts';
import { endScripts, runScript, type Running } from '../support/run.ts';
import { type, type TypingOptions } from '../support/terminal.ts';

// The command line against a running Longhand, whose assistant answers by script (test/support/processes/assistant.ts).
const PARIS = 'Paris is the capital of France.';
let data = '';
let shell: Running;

beforeAll(async () => {
  data = mkdtempSync(join(tmpdir(), 'longhand-cli-'));
  shell = runScript('test/support/processes/start.ts', ['--headless', '--data', data]);
  await shell.says(/Longhand is ready/);
});
afterAll(async () => {
  await endScripts();
  rmSync(data, { recursive: true, force: true });
});

const longhand = (argv: string[], options?: TypingOptions) => type([...argv, '--data', data], options);
const json = (text: string) => JSON.parse(text) as Record<string, unknown>;
const stored = () => (JSON.parse(readFileSync(join(data, 'fake.json'), 'utf8')) as { messages: Message[] }).messages;

describe('longhand ask', () => {
  it('prints the answer and nothing else', async () => {
    expect(await longhand(['ask', 'What', 'is it?'])).toEqual({ code: 0, stdout: `${PARIS}\n`, stderr: '' });
    expect(stored().at(-2)?.text).toBe('What is it?');
  });

  it('takes the question from standard input where there is none on the line', async () => {
    const { code } = await longhand(['ask'], { stdin: 'What is\nit?\n' });
    expect(code).toBe(0);
    expect(stored().at(-2)?.text).toBe('What is\nit?\n');
  });

  it('prints one JSON object with what was measured', async () => {
    const { stdout } = await longhand(['ask', 'capital', '--json']);
    expect(json(stdout)).toMatchObject({
      answer: PARIS,
      model: 'scripted',
      state: 'complete',
      finishReason: 'stop',
      continuations: 0,
      metrics: { promptTokens: 12, cachedTokens: 4, newTokens: 8, generatedTokens: 6, decodeTokensPerSecond: 350 },
      error: null,
    });
  });

  it('goes on with a conversation, and passes on only the sampling that was asked for', async () => {
    const { conversationId } = json((await longhand(['ask', 'one', '--json'])).stdout);
    const again = [
      'ask',
      'two',
      '--conversation',
      String(conversationId),
      '--temperature',
      '0',
      '--seed',
      '7',
      '--json',
    ];
    expect(json((await longhand(again)).stdout)).toMatchObject({ conversationId });
    expect(stored().at(-1)?.sampling).toMatchObject({ temperature: 0, seed: 7, topP: 0.8, maxTokens: null });
  });

  it.each([
    ['the assistant is killed in mid-answer', 'die'],
    ['the engine breaks off', 'break'],
    ['the assistant is killed before it can say that it heard', 'unheard'],
  ])('goes on by itself when %s, and asks only once', async (_case, question) => {
    const before = stored().length;
    const { code, stdout, stderr } = await longhand(['ask', question, '--json']);
    expect(code).toBe(0);
    expect(json(stdout)).toMatchObject({ answer: PARIS, state: 'complete', continuations: 1 });
    expect(stderr).toBe('The answer was interrupted. Going on with it (1 of 3).\n');
    expect(stored()).toHaveLength(before + 2);
  });

  it('prints each word once when the answer was interrupted', async () => {
    expect((await longhand(['ask', 'break'])).stdout).toBe(`${PARIS}\n`);
  });

  it('gives up after going on three times, keeps the text, and says so', async () => {
    const { code, stdout, stderr } = await longhand(['ask', 'break always']);
    expect([code, stdout]).toEqual([1, 'Paris is the capital \n']);
    expect(stderr.trim().split('\n').at(-1)).toBe('longhand: The answer was interrupted.');
  });

  it.each([
    [['ask', 'fail'], 'The runtime failed.'],
    [['ask', 'x'.repeat(501)], 'The prompt is 2,500 tokens and the model takes 2,048.'],
    [['ask', 'x', '--conversation', 'c999'], 'There is no conversation c999.'],
    [['ask', 'x', '--model', 'unknown'], 'There is no model named unknown.'],
  ])('%j ends with 1 and a line that says why', async (argv, line) => {
    const { code, stderr } = await longhand(argv);
    expect([code, stderr]).toEqual([1, `longhand: ${line}\n`]);
  });

  it('stops at Ctrl-C and keeps the text', async () => {
    let isPressed = false;
    const { code, stdout, stderr } = await longhand(['ask', 'a long one'], {
      onOutput(text, pressCtrlC) {
        if (isPressed || !text.includes('word9')) return;
        isPressed = true;
        pressCtrlC();
      },
    });
    expect(code).toBe(130);
    expect(stderr).toContain('Stopping. The text so far is kept; Ctrl-C again ends at once.');
    expect(stored().at(-1)).toMatchObject({ state: 'stopped', text: stdout.slice(0, -1) });
    expect(stdout).not.toContain('word399');
  });

  it('ends at once at a second Ctrl-C', async () => {
    const { code, stdout } = await longhand(['ask', 'a long one'], {
      onOutput(text, pressCtrlC) {
        if (!text.includes('word9')) return;
        pressCtrlC();
      },
    });
    expect(code).toBe(130);
    expect(stdout).not.toContain('word399');
  });
});

describe('longhand chat', () => {
  it('answers each line of standard input in one conversation, and ends with it', async () => {
    const { code, stdout } = await longhand(['chat', '--json'], { stdin: 'one\n\ntwo\n' });
    expect(code).toBe(0);
    const answers = stdout.trim().split('\n').map(json);
    expect(answers).toMatchObject([{ answer: PARIS }, { answer: PARIS }]);
    expect(answers[0]?.conversationId).toBe(answers[1]?.conversationId);
  });

  it('starts anew, lists, searches, opens and leaves on command', async () => {
    const stdin = 'one\n/new\nfind zebra\n/list\n/search zebra\n/open 1\n/help\n/exit\nnever\n';
    const { code, stdout, stderr } = await longhand(['chat'], { stdin });
    expect(code).toBe(0);
    const lines = stdout.trim().split('\n');
    expect(lines.slice(0, 2)).toEqual([PARIS, PARIS]);
    expect(lines[2]).toMatch(/^1 {2}Conversation (c\d+) {2}\(\1\)$/);
    expect(lines.at(-1)).toMatch(/^1 {2}Conversation c\d+: find zebra$/);
    expect(stderr).toContain('2 messages so far.');
    expect(stderr).toContain('/search TEXT');
    expect(stored().some(({ text }) => text === 'never')).toBe(false);
  });

  it('goes on after a failure, and tells a script of it in the end', async () => {
    const { code, stdout, stderr } = await longhand(['chat'], { stdin: 'fail\nagain\n' });
    expect(code).toBe(1);
    expect(stdout).toBe(`Paris is \n${PARIS}\n`);
    expect(stderr).toBe('longhand: The runtime failed.\n');
  });
});

describe('longhand read', () => {
  it('reads a conversation ahead, and says how to ask about it', async () => {
    const { conversationId: id } = json(
      (await longhand(['ask', 'one', '--system', 'Once upon a time there was a fox.', '--json'])).stdout,
    );
    const { code, stdout } = await longhand(['read', '--conversation', String(id)]);
    expect([code, stdout]).toEqual([
      0,
      `Read 8 tokens. Ask about them: longhand ask --conversation ${String(id)} "QUESTION"\n`,
    ]);
    expect(json((await longhand(['read', '--conversation', String(id), '--json'])).stdout)).toEqual({
      ...{ conversationId: id, promptTokens: 8, readTokens: 8 },
    });
  });

  it('takes one thing', async () => {
    const { code, stderr } = await longhand(['read']);
    expect([code, stderr]).toEqual([
      2,
      'longhand: read takes one file, or --conversation ID. See: longhand help read\n',
    ]);
  });
});

describe('longhand models', () => {
  it('lists what is installed, as a table or as JSON', async () => {
    expect((await longhand(['models'])).stdout).toBe(
      'name      architecture  recipe    parameters    size  context\n' +
        'scripted  llama         balanced  1M          4.0 MB    2,048  loaded\n',
    );
    expect(json((await longhand(['models', 'list', '--json'])).stdout)).toMatchObject({
      models: [{ name: 'scripted' }],
    });
  });

  it('gets a model and shows how it comes', async () => {
    expect(await longhand(['models', 'pull'])).toEqual({
      code: 0,
      stdout: 'Scripted model: done.\n',
      stderr: 'Scripted model: download, 1.0 of 4.0 MB (25%), 500.0 kB/s, 6 s left\n',
    });
  });

  it('chooses one', async () => {
    expect(await longhand(['models', 'use', 'scripted'])).toMatchObject({
      code: 0,
      stdout: 'scripted answers from now on.\n',
    });
    expect(await longhand(['models', 'use', 'unknown'])).toMatchObject({ code: 1 });
  });
});

describe('longhand bench and doctor', () => {
  it('prints medians as a table, or the report as JSON', async () => {
    const { stdout } = await longhand(['bench', '--repeats', '3']);
    expect(stdout).toContain('prefill     512     101.0  100.0 to 102.0\n');
    expect(stdout).toContain('decode      128     101.0  100.0 to 102.0       50%\n');
    expect(json((await longhand(['bench', '--json'])).stdout)).toMatchObject({ model: 'scripted', bandwidthGBs: 20 });
  });

  it('tells what was examined', async () => {
    expect(await longhand(['doctor'])).toEqual({
      code: 0,
      stdout: 'ok       The database is sound.\nnote     The model is scripted.\n',
      stderr: '',
    });
    expect(json((await longhand(['doctor', '--json'])).stdout)).toMatchObject({ ok: true });
  });
});
