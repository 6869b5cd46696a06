import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Message } from '../../main/contract/chat.ts';
import type { ProcessRole } from '../../main/contract/shell.ts';
import { Connection } from '../../main/shell/connection.ts';
import { createNodeSupervisor } from '../../main/shell/node/start.ts';
import type { Supervisor } from '../../main/shell/supervisor.ts';
import { compile } from '../../native-models/compile.ts';
import { writeGguf } from '../support/gguf-writer.ts';
import { tinyCheckpoint } from '../support/tiny-checkpoint.ts';

const KILLS = 20;

let dataFolder: string;
let supervisor: Supervisor;
let connection: Connection;

// The real processes over a real data folder, with a tiny model whose words mean nothing.
beforeAll(async () => {
  dataFolder = await mkdtemp(join(tmpdir(), 'longhand-crash-'));
  await mkdir(join(dataFolder, 'models'), { recursive: true });
  const checkpoint = join(dataFolder, 'tiny.gguf');
  await writeFile(checkpoint, writeGguf(tinyCheckpoint({ metadata: { 'qwen2.context_length': 4096 } })));
  await compile(checkpoint, join(dataFolder, 'models', 'tiny'), { name: 'tiny', recipe: 'exact' });
  supervisor = createNodeSupervisor({
    dataFolder,
    fetch: 'never',
    say() {},
    log() {},
    restartDelayMs: () => 0, // twenty deaths within a minute are the test's doing
  });
  supervisor.start();
  connection = new Connection(() => supervisor.connectClient());
});
afterAll(async () => {
  await connection.close();
  await supervisor.stop();
  await rm(dataFolder, { recursive: true, force: true });
});

function pidOf(role: ProcessRole): number {
  return supervisor.processes().find((process) => process.role === role)!.pid!;
}

/** Sends a question and follows the answer; `onText` sees the text so far after every event. */
async function follow(conversationId: string, messageId: string, onText: (text: string) => void): Promise<Message> {
  return connection.run(async (client) => {
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
    const { id } = await connection.run((client) => client.chat.create({}));
    const sampling = { temperature: 1, topK: 0, topP: 1, seed: seed * 100 + attempt, maxTokens: 3000 };
    const { reply } = await connection.run((client) =>
      client.chat.send({ conversationId: id, text: `Question ${seed}`, sampling }),
    );
    let shown = '';
    let killed = false;
    const message = await follow(id, reply.id, (text) => {
      if (killed) return;
      shown += text;
      if (shown.length < 5) return;
      killed = true;
      const pid = pidOf(role);
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

        await connection.run((client) => client.chat.continue({ messageId: message.id }));
        const continued = await follow(message.conversationId, message.id, () => {});
        expect(continued.text.startsWith(message.text)).toBe(true);
        expect(['complete', 'interrupted']).toContain(continued.state);
      }
    },
  );

  it('leaves a database that passes its integrity check, with every message in it', async () => {
    const { items } = await connection.run((client) => client.chat.conversations({ limit: 500 }));
    for (const { id } of items) {
      const path = await connection.run((client) => client.chat.path({ id }));
      expect(path.map(({ role: by }) => by)).toEqual(['user', 'assistant']);
    }
    expect(items.length).toBeGreaterThanOrEqual(KILLS);
    const copy = join(dataFolder, `${role}-check.db`);
    // A connection of another process would do; a copy made by SQLite keeps the assistant's lock untouched.
    const database = new Database(join(dataFolder, 'longhand.db'), { readonly: true });
    await database.backup(copy);
    database.close();
    const check = new Database(copy, { readonly: true });
    expect(check.pragma('integrity_check', { simple: true })).toBe('ok');
    check.close();
  });
});
