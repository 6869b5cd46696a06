import { defineCommand, UsageError } from '../command.ts';
import { describeSources, readDocuments } from '../documents.ts';
import { finishJob, readyModel } from '../model.ts';

export const summarise = defineCommand({
  name: 'summarise',
  usage: 'FILE',
  summary: 'sum up a document of any length, section by section',
  options: {},
  fetch: 'starter',
  async run({ positionals, json, model, progress, connect, print }) {
    const [file, ...more] = positionals;
    if (file === undefined || more.length > 0) throw new UsageError('summarise takes one file');
    const connection = await connect();
    await readyModel(connection, model, progress);
    const [document, ...others] = await readDocuments(connection, file, progress);
    if (document === undefined || others.length > 0) throw new UsageError(`${file} is not one document`);
    const { result } = await finishJob(
      connection,
      await connection.run((client) => client.documents.summarise({ id: document.id })),
      progress,
    );
    const { conversationId, sections } = result as { conversationId: string; sections: number };
    const answer = (await connection.run((client) => client.chat.path({ id: conversationId }))).at(-1)!;
    if (json) {
      print(JSON.stringify({ conversationId, sections, summary: answer.text, sources: answer.sources }));
      return 0;
    }
    print(answer.text);
    print('');
    for (const line of describeSources(answer.sources!, answer.text)) print(line);
    return 0;
  },
});
