import { describe, expect, it } from 'vitest';
import { type } from '../support/terminal.ts';

describe('wrong usage of the command line', () => {
  it.each([
    [['aks'], "there is no command 'aks'. See: longhand help"],
    [['help', 'aks'], "there is no command 'aks'. See: longhand help"],
    [['ask'], 'there is no question. See: longhand help ask'],
    [['ask', '  '], 'there is no question. See: longhand help ask'],
    [['ask', 'Why?', '--loud'], "unknown option '--loud'. See: longhand help ask"],
    [
      ['ask', 'Why?', '--temperature', 'warm'],
      "--temperature takes a number from 0 to 5, not 'warm'. See: longhand help ask",
    ],
    [
      ['ask', 'Why?', '--temperature', '5.1'],
      "--temperature takes a number from 0 to 5, not '5.1'. See: longhand help ask",
    ],
    [
      ['ask', 'Why?', '--seed', '1.5'],
      "--seed takes a whole number from 0 to 4294967295, not '1.5'. See: longhand help ask",
    ],
    [
      ['ask', 'Why?', '--max-tokens', '0'],
      "--max-tokens takes a whole number from 1 to 1000000000, not '0'. See: longhand help ask",
    ],
    [
      ['ask', 'Why?', '--max-tokens', ''],
      "--max-tokens takes a whole number from 1 to 1000000000, not ''. See: longhand help ask",
    ],
    [['ask', 'Why?', '--data', ''], '--data must not be empty. See: longhand help ask'],
    [
      ['ask', 'Why?', '--system', 'Be brief.', '--conversation', 'c1'],
      '--system is for a new conversation, so it does not go with --conversation. See: longhand help ask',
    ],
    [['read'], 'read takes one file, or --conversation ID. See: longhand help read'],
    [['read', 'a', '--conversation', 'c1'], 'read takes one file, or --conversation ID. See: longhand help read'],
    [['models', 'eat'], "'models eat' is not known. See: longhand help models"],
    [['models', 'constructor'], "'models constructor' is not known. See: longhand help models"],
    [['models', 'remove'], 'a model must be named; longhand models list shows them. See: longhand help models'],
    [['models', 'import'], 'models import needs the path of a file or a folder. See: longhand help models'],
    [
      ['models', 'context', 'tiny', '--sparse', 'maybe'],
      "--sparse takes on, off, not 'maybe'. See: longhand help models",
    ],
    [['bench', '512'], 'bench takes no arguments, only options. See: longhand help bench'],
    [['bench', '--compare', 'abacus'], "--compare knows llama.cpp, not 'abacus'. See: longhand help bench"],
    [
      ['bench', '--compare', 'llama.cpp'],
      '--compare needs --model with a GGUF file that both can read. See: longhand help bench',
    ],
    [['doctor', 'me'], 'doctor takes no arguments. See: longhand help doctor'],
  ])('%j ends with 2 and one line', async (argv, line) => {
    expect(await type(argv)).toEqual({ code: 2, stdout: '', stderr: `longhand: ${line}\n` });
  });

  it('shows all commands on stderr when none is given', async () => {
    const { code, stdout, stderr } = await type([]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^Usage: longhand COMMAND/);
  });

  it('fails, rather than starting anything, where a file to import is not there', async () => {
    const { code, stderr } = await type(['models', 'import', '/nowhere/model.gguf']);
    expect([code, stderr]).toEqual([1, 'longhand: There is no file /nowhere/model.gguf.\n']);
  });
});

describe('help', () => {
  it.each([[['help']], [['--help']]])('%j lists the commands', async (argv) => {
    const { code, stdout, stderr } = await type(argv);
    expect([code, stderr]).toEqual([0, '']);
    for (const name of ['chat', 'ask', 'models', 'bench', 'doctor'])
      expect(stdout).toMatch(new RegExp(`^  ${name} +\\w`, 'm'));
  });

  it.each([[['help', 'ask']], [['ask', '--help']]])(
    '%j explains the options, those of all commands included',
    async (argv) => {
      const { code, stdout } = await type(argv);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^Usage: longhand ask "QUESTION" \[options\]/);
      for (const option of ['--seed N', '--json', '--data DIR', '--model NAME'])
        expect(stdout).toContain(`  ${option} `);
    },
  );

  it('tells the version', async () => {
    const { code, stdout } = await type(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
