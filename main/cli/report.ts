import type { DocumentInfo } from '../contract/documents.ts';
import type { Job } from '../contract/jobs.ts';
import type { LonghandClient } from '../contract/index.ts';
import { UsageError, type Context } from './command.ts';
import { describeSources, readDocuments } from './documents.ts';
import { finishJob, readyModel } from './model.ts';

/** Puts each file on the shelf, has a report on them written as a job, and prints it with what bears it out. */
export async function printReport(
  files: readonly string[],
  start: (client: LonghandClient, documents: readonly DocumentInfo[]) => Promise<Job>,
  { json, model, progress, connect, print }: Context,
): Promise<number> {
  const connection = await connect();
  await readyModel(connection, model, progress);
  const documents: DocumentInfo[] = [];
  for (const file of files) {
    const [document, ...others] = await readDocuments(connection, file, progress);
    if (document === undefined || others.length > 0) throw new UsageError(`${file} is not one document`);
    documents.push(document);
  }
  const job = await connection.run((client) => start(client, documents));
  const { conversationId, ...counts } = (await finishJob(connection, job, progress)).result as {
    conversationId: string;
  };
  const answer = (await connection.run((client) => client.chat.path({ id: conversationId }))).at(-1)!;
  if (json) {
    print(JSON.stringify({ conversationId, ...counts, [job.kind]: answer.text, sources: answer.sources }));
    return 0;
  }
  print(answer.text);
  print('');
  for (const line of describeSources(answer.sources!, answer.text)) print(line);
  return 0;
}
