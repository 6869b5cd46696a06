import { text as readText } from 'node:stream/consumers';
import { readingWay } from '../../contract/documents.ts';
import { LonghandError } from '../../contract/errors.ts';
import { askQuestion } from '../answer.ts';
import { defineCommand, UsageError, type Io } from '../command.ts';
import { wholeShelf } from '../../contract/collections.ts';
import { attachDocuments, describeCall, describeSources, readDocuments, scopeOf, type Scope } from '../documents.ts';
import { readyModel } from '../model.ts';
import { answerJson, exitCodeOf, samplingOf, samplingOptions } from '../reply.ts';

export const ask = defineCommand({
  name: 'ask',
  usage: '"QUESTION"',
  summary: 'ask one question and print the answer',
  options: {
    ...samplingOptions,
    system: { type: 'string', value: 'TEXT', help: 'instructions for the model, in a new conversation' },
    conversation: { type: 'string', value: 'ID', help: 'go on with a conversation' },
    file: { type: 'string', value: 'PATH', help: 'a document, or a folder of them, to answer from' },
    in: { type: 'string', value: 'NAME', help: 'a document or a watched folder of the shelf to answer from' },
    tag: { type: 'string', value: 'TAG', help: 'answer from the documents that carry this tag' },
    shelf: { type: 'boolean', help: 'answer from all documents on the shelf' },
    way: { type: 'string', value: 'whole|search', help: 'read all of it, or only what a search finds' },
  },
  fetch: 'starter',
  async run({ values, positionals, json, model, io, progress, interrupts, connect, print, say }) {
    const { system, conversation, file } = values;
    if (system !== undefined && conversation !== undefined) {
      throw new UsageError('--system is for a new conversation, so it does not go with --conversation');
    }
    const way = values.way === undefined ? null : readingWay.options.find((one) => one === values.way);
    if (way === undefined) throw new UsageError(`--way takes whole or search, not '${values.way}'`);
    const hasDocuments = [file, values.in, values.tag].some((one) => one !== undefined) || values.shelf === true;
    if (way !== null && !hasDocuments) throw new UsageError('--way goes with --file, --in, --tag or --shelf');
    const sampling = samplingOf(values);
    const text = positionals.length > 0 ? positionals.join(' ') : await readQuestion(io);
    if (text.trim() === '') throw new UsageError('there is no question');

    const connection = await connect();
    await readyModel(connection, model, progress);
    const conversationId =
      conversation ?? (await connection.run((client) => client.chat.create({ systemPrompt: system }))).id;
    if (hasDocuments) {
      const scope: Scope = await scopeOf(connection, values);
      if (values.shelf) scope.collections.push(wholeShelf);
      if (file !== undefined) {
        scope.documentIds.push(...(await readDocuments(connection, file, progress)).map(({ id }) => id));
      }
      const chosen = await attachDocuments(connection, conversationId, scope, way);
      if (chosen === 'search' && way === null) say('Too long to be read whole: answering from what a search finds.');
    }
    let hasText = false;
    const answer = await askQuestion(connection, {
      conversationId,
      text,
      sampling,
      interrupts,
      say,
      onText(part) {
        if (!hasText) progress.clear();
        hasText = true;
        if (!json) io.stdout.write(part);
      },
      onCall: (call) => say(describeCall(call)),
      onPrefill: (done, total) => hasText || progress.update(`Reading: ${done} of ${total} tokens`),
    });
    progress.clear();
    const { message } = answer;
    if (json) print(JSON.stringify(answerJson(answer)));
    else if (hasText && !message.text.endsWith('\n')) io.stdout.write('\n');
    if (!json && message.sources) {
      print('');
      for (const line of describeSources(message.sources, message.text)) print(line);
    }
    if (message.error) throw new LonghandError(message.error.code, message.error.message, message.error.details);
    if (message.state === 'interrupted') throw new LonghandError('engine-stopped', 'The answer was interrupted.');
    return exitCodeOf(message);
  },
});

async function readQuestion(io: Io): Promise<string> {
  if (io.stdin.isTTY) throw new UsageError('there is no question');
  return readText(io.stdin);
}
