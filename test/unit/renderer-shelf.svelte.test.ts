import { describe, expect, it } from 'vitest';
import { checkpointPaths } from '../../renderer/state/checkpoint-files.ts';
import { ModelShelf } from '../../renderer/state/model-shelf.svelte.ts';
import { TestLine, until } from '../support/renderer-support.ts';

const RESTRICTED = 'Qwen/Qwen2.5-3B-Instruct-GGUF:Q4_0';

describe('choosing files in the system’s dialog', () => {
  it.each<[chosen: string[], imported: string[]]>([
    [['/m/a.gguf'], ['/m/a.gguf']],
    [
      ['/m/b.gguf', 'C:\\m\\a.gguf'],
      ['/m/b.gguf', 'C:\\m\\a.gguf'],
    ],
    [['/m/x-00002-of-00002.gguf', '/m/x-00001-of-00002.gguf'], ['/m/x-00001-of-00002.gguf']],
    [['/m/x-00001-of-00009.gguf'], ['/m/x-00001-of-00009.gguf']],
    [['/m/t/config.json', '/m/t/tokenizer.json', '/m/t/model.safetensors'], ['/m/t']],
    [
      ['/m/t/model.safetensors', '/m/u/config.json', '/m/a.gguf'],
      ['/m/t', '/m/u', '/m/a.gguf'],
    ],
    [['/m/folder'], ['/m/folder']],
    [[], []],
  ])('%j imports %j', (chosen, imported) => expect(checkpointPaths(chosen)).toEqual(imported));

  it('refuses files that belong to no checkpoint', () => {
    expect(() => checkpointPaths(['/m/notes.txt'])).toThrow(expect.objectContaining({ code: 'not-a-checkpoint' }));
  });
});

/** A shelf at the end of a line, whose door hands over paths made of the files' names. */
async function open() {
  const line = new TestLine();
  const passed: string[] = [];
  const shelf = new ModelShelf(line.connection, {
    choose: null,
    chooseDocuments: null,
    pathOf: (file, { group }) => {
      passed.push(`${group === undefined ? 'alone' : 'together'} ${file.name}`);
      return Promise.resolve(`/incoming/1/${file.name}`);
    },
  });
  await until(() => expect(line.connection.state).toBe('connected'));
  return { line, shelf, passed };
}

describe('looking for a model', () => {
  it('finds in the catalogue by words', async () => {
    const { shelf } = await open();
    await shelf.load();
    expect(shelf.found).toHaveLength(3);
    await shelf.find('smollm2');
    expect(shelf.found?.map(({ name }) => name)).toEqual(['smollm2-135m-instruct']);
    await shelf.find('nothing like it');
    expect(shelf.found).toEqual([]);
    await shelf.find('');
    expect(shelf.found).toHaveLength(3);
  });

  it('asks a hub only where the words are a repository, and only when told to', async () => {
    const { shelf } = await open();
    await shelf.find('coder 7b');
    expect(shelf.repository).toBeNull();
    await shelf.find(' Qwen/Qwen2.5-3B-Instruct-GGUF ');
    expect([shelf.repository, shelf.hubModel]).toEqual(['Qwen/Qwen2.5-3B-Instruct-GGUF', null]);
    await shelf.ask();
    expect(shelf.hubModel?.choices.map(({ label }) => label)).toEqual(['Q4_0', 'Q8_0']);
    await shelf.find('Qwen/another');
    expect(shelf.hubModel).toBeNull();
  });
});

describe('getting a model', () => {
  it('with a free licence begins at once', async () => {
    const { line, shelf } = await open();
    await shelf.load();
    await shelf.pull('qwen2.5-0.5b-instruct');
    expect(shelf.asked).toBeNull();
    expect(line.assistant.calls).toEqual(['pull qwen2.5-0.5b-instruct']);
  });

  it('with a licence of its own asks first, and does nothing unless the user agrees', async () => {
    const { line, shelf } = await open();
    await shelf.find('Qwen/Qwen2.5-3B-Instruct-GGUF');
    await shelf.ask();
    await shelf.pull(RESTRICTED);
    expect(shelf.asked).toEqual({
      ...{ name: RESTRICTED, license: 'qwen-research' },
      page: 'https://hub.example/Qwen/Qwen2.5-3B-Instruct-GGUF',
    });
    shelf.disagree();
    expect([shelf.asked, line.assistant.calls]).toEqual([null, []]);
    await shelf.pull(RESTRICTED);
    await shelf.agree();
    expect(line.assistant.calls).toEqual([`pull ${RESTRICTED}, agreed`]);
  });
});

describe('importing files', () => {
  const file = (name: string) => new File(['x'], name);

  it('takes one GGUF file as it is', async () => {
    const { line, shelf, passed } = await open();
    await shelf.importFiles([file('mine.gguf')]);
    expect(passed).toEqual(['alone mine.gguf']);
    expect(line.assistant.calls).toEqual(['import mine.gguf']);
  });

  it('hands the parts of a split file over together, and begins at the first', async () => {
    const { line, shelf, passed } = await open();
    await shelf.importFiles([file('m-00002-of-00002.gguf'), file('m-00001-of-00002.gguf')]);
    expect(passed).toEqual(['together m-00001-of-00002.gguf', 'together m-00002-of-00002.gguf']);
    expect(line.assistant.calls).toEqual(['import m-00001-of-00002.gguf']);
  });

  it('takes of a folder of safetensors what belongs to it, and imports the folder', async () => {
    const { line, shelf, passed } = await open();
    await shelf.importFiles(['config.json', 'tokenizer.json', 'model.safetensors', 'README.md', '.DS_Store'].map(file));
    expect(passed).toEqual(['together config.json', 'together tokenizer.json', 'together model.safetensors']);
    expect(line.assistant.calls).toEqual(['import 1']);
  });

  it('takes several models at once, one after the other', async () => {
    const { line, shelf, passed } = await open();
    await shelf.importFiles(['b.gguf', 'm-00002-of-00002.gguf', 'm-00001-of-00002.gguf', 'a.gguf'].map(file));
    expect(passed.map((one) => one.split(' ')[1])).toEqual([
      'b.gguf',
      'm-00001-of-00002.gguf',
      'm-00002-of-00002.gguf',
      'a.gguf',
    ]);
    expect(line.assistant.calls).toEqual(['import b.gguf', 'import m-00001-of-00002.gguf', 'import a.gguf']);
  });

  it.each([
    [['holiday.jpg']],
    [['a.gguf', 'm-00001-of-00002.gguf']],
    [['config.json', 'model.safetensors', 'config.json', 'model.safetensors']],
    [['model.safetensors']],
    [['m-00001-of-00002.gguf']],
    [['config.json', 'tokenizer.json']],
  ])('refuses what is no checkpoint, before anything is handed over: %j', async (names) => {
    const { line, shelf, passed } = await open();
    await expect(shelf.importFiles(names.map(file))).rejects.toMatchObject({ code: 'not-a-checkpoint' });
    expect([passed, line.assistant.calls]).toEqual([[], []]);
  });
});
