import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import { defineCommand, UsageError } from '../command.ts';
import { finishJob, readyModel } from '../model.ts';

export const read = defineCommand({
  name: 'read',
  usage: 'FILE',
  summary: 'read a text file or a conversation ahead, so that answers about it begin at once',
  options: {
    conversation: { type: 'string', value: 'ID', help: 'read this conversation instead of a file' },
  },
  fetch: 'starter',
  async run({ values, positionals, json, model, progress, connect, print }) {
    const [file, ...more] = positionals;
    if (more.length > 0 || (file === undefined) === (values.conversation === undefined))
      throw new UsageError('read takes one file, or --conversation ID');
    const text = file === undefined ? null : await textOf(file);
    const connection = await connect();
    await readyModel(connection, model, progress);
    const id =
      values.conversation ??
      (await connection.run((client) => client.chat.create({ title: basename(file!), systemPrompt: text }))).id;
    const job = await connection.run((client) => client.chat.prefill({ id }));
    const { result } = await finishJob(connection, job, progress);
    const tokens = Number(result?.promptTokens ?? 0);
    if (json) print(JSON.stringify({ conversationId: id, ...result }));
    else {
      print(`Read ${tokens.toLocaleString('en')} tokens. Ask about them: longhand ask --conversation ${id} "QUESTION"`);
    }
    return 0;
  },
});

async function textOf(file: string): Promise<string> {
  const path = resolve(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readFile(path));
  } catch (cause) {
    if (cause instanceof TypeError) throw new UsageError(`${file} is no text in UTF-8`);
    throw new LonghandError('not-found', `There is no file ${path}.`, { path }, { cause });
  }
}
