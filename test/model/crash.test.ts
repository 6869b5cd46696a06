import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../main/contract/chat.ts';
import type { ProcessRole } from '../../main/contract/shell.ts';
import { TinyApp } from '../support/tiny-app.ts';

const KILLS = 20;

let app: TinyApp;

beforeAll(async () => {
  app = await TinyApp.create({ contextTokens: 4096 });
});
afterAll(() => app.remove());

/** Sends a question and follows the answer; `onText` sees the text so far after every event. */
async function follow(conversationId: string, messageId: string, onText: (text: string) => void): Promise<Message> {
  return app.run(async (client) => {
    for await (const event of await client.chat.watch({ id: conversationId })) {
      if (event.type === 'snapshot') {
        const message = event.messages.find(({ id }) => id === messageId)!;
        onText(message.text);
        if (message.state !== 'waiting' && message.state !== 'streaming') return message;
      }
      if (event.type === 'delta' && event.messageId === messageId) onText(event.text);
      if (event.type === 'message' && event.message.id === messageId) {
        if (event.message.state !== 'waiting' && event.message.state !== 'streaming') return event.message;
      }
    }
    throw new Error('the stream ended without a state');
  });
}

/** Asks until an answer was killed in its middle: a random model sometimes ends at once. */
async function killInMidAnswer(role: ProcessRole, seed: number): Promise<{ shown: string; message: Message }> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const { id } = await app.run((client) => client.chat.create({}));
    const sampling = { temperature: 1, topK: 0, topP: 1, seed: seed * 100 + attempt, maxTokens: 3000 };
    const { reply } = await app.run((client) =>
      client.chat.send({ conversationId: id, text: `Question ${seed}`, sampling }),
    );
    let shown = '';
    let killed = false;
    const message = await follow(id, reply.id, (text) => {
      if (killed) return;
      shown += text;
      if (shown.length < 5) return;
      killed = true;
      const pid = app.pidOf(role);
      setTimeout(() => process.kill(pid, 'SIGKILL'), seed % 5);
    });
    if (message.state === 'interrupted') return { shown, message };
    await sleep(300); // the kill came too late; let the process come back
  }
  throw new Error('no answer was long enough to be killed');
}

describe.each(['engine', 'assistant'] as const)('SIGKILL of the %s in mid-answer', (role) => {
  it(
    `loses nothing that was shown, ${KILLS} times, and the answer can be continued`,
    { timeout: 180_000 },
    async () => {
      for (let i = 1; i <= KILLS; i++) {
        const { shown, message } = await killInMidAnswer(role, i);
        expect(message.text.startsWith(shown)).toBe(true);

        await app.run((client) => client.chat.continue({ messageId: message.id }));
        const continued = await follow(message.conversationId, message.id, () => {});
        expect(continued.text.startsWith(message.text)).toBe(true);
        expect(['complete', 'interrupted']).toContain(continued.state);
      }
    },
  );

  it('leaves a database that passes its integrity check, with every message in it', async () => {
    const { items } = await app.run((client) => client.chat.conversations({ limit: 500 }));
    for (const { id } of items) {
      const path = await app.run((client) => client.chat.path({ id }));
      expect(path.map(({ role: by }) => by)).toEqual(['user', 'assistant']);
    }
    expect(items.length).toBeGreaterThanOrEqual(KILLS);
    const copy = join(app.dataFolder, `${role}-check.db`);
    // A connection of another process would do; a copy made by SQLite keeps the assistant's lock untouched.
    const database = new Database(join(app.dataFolder, 'longhand.db'), { readonly: true });
    await database.backup(copy);
    database.close();
    const check = new Database(copy, { readonly: true });
    expect(check.pragma('integrity_check', { simple: true })).toBe('ok');
    check.close();
  });
});
