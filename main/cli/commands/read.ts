import { basename } from 'node:path';
import { defineCommand, UsageError } from '../command.ts';
import { attachDocuments, readDocuments } from '../documents.ts';
import { finishJob, readyModel } from '../model.ts';

export const read = defineCommand({
  name: 'read',
  usage: 'FILE',
  summary: 'read a document or a conversation ahead, so that answers about it begin at once',
  options: {
    conversation: { type: 'string', value: 'ID', help: 'read this conversation instead of a file' },
  },
  fetch: 'starter',
  async run({ values, positionals, json, model, progress, connect, print }) {
    const [file, ...more] = positionals;
    if (more.length > 0 || (file === undefined) === (values.conversation === undefined))
      throw new UsageError('read takes one file, or --conversation ID');
    const connection = await connect();
    await readyModel(connection, model, progress);
    let id = values.conversation;
    let job;
    if (id === undefined) {
      const [document, ...others] = await readDocuments(connection, file!, progress);
      if (document === undefined || others.length > 0)
        throw new UsageError('read takes one file; those of a folder or an archive are read one by one');
      job = await connection.run((client) => client.documents.read({ id: document.id }));
      ({ id } = await connection.run((client) => client.chat.create({ title: basename(file!) })));
      await attachDocuments(connection, id, { documentIds: [document.id], collections: [] }, 'whole');
    } else {
      job = await connection.run((client) => client.chat.prefill({ id: values.conversation! }));
    }
    const { result } = await finishJob(connection, job, progress);
    const tokens = Number(result?.promptTokens ?? 0);
    if (json) print(JSON.stringify({ conversationId: id, ...result }));
    else {
      print(`Read ${tokens.toLocaleString('en')} tokens. Ask about them: longhand ask --conversation ${id} "QUESTION"`);
    }
    return 0;
  },
});
