import { text as readText } from 'node:stream/consumers';
import { LonghandError } from '../../contract/errors.ts';
import { askQuestion } from '../answer.ts';
import { defineCommand, UsageError, type Io } from '../command.ts';
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
  },
  fetch: 'starter',
  async run({ values, positionals, json, model, io, progress, interrupts, connect, print, say }) {
    const { system, conversation } = values;
    if (system !== undefined && conversation !== undefined) {
      throw new UsageError('--system is for a new conversation, so it does not go with --conversation');
    }
    const sampling = samplingOf(values);
    const text = positionals.length > 0 ? positionals.join(' ') : await readQuestion(io);
    if (text.trim() === '') throw new UsageError('there is no question');

    const connection = await connect();
    await readyModel(connection, model, progress);
    const conversationId =
      conversation ?? (await connection.run((client) => client.chat.create({ systemPrompt: system }))).id;
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
      onPrefill: (done, total) => hasText || progress.update(`Reading: ${done} of ${total} tokens`),
    });
    progress.clear();
    const { message } = answer;
    if (json) print(JSON.stringify(answerJson(answer)));
    else if (hasText && !message.text.endsWith('\n')) io.stdout.write('\n');
    if (message.error) throw new LonghandError(message.error.code, message.error.message, message.error.details);
    if (message.state === 'interrupted') throw new LonghandError('engine-stopped', 'The answer was interrupted.');
    return exitCodeOf(message);
  },
});

async function readQuestion(io: Io): Promise<string> {
  if (io.stdin.isTTY) throw new UsageError('there is no question');
  return readText(io.stdin);
}
