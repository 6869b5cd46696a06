import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connect } from '../../main/contract/client.ts';
import type { LonghandClient } from '../../main/contract/index.ts';
import { openStore } from '../../main/services/store/open.ts';
import { createNodeSupervisor } from '../../main/shell/node/start.ts';
import type { Supervisor } from '../../main/shell/supervisor.ts';
import { installModel, tempFolder, until, watchConversation } from './assistant-support.ts';

const processFile = (name: string) => fileURLToPath(new URL(`../support/processes/${name}.ts`, import.meta.url));

/** The assistant as a process of its own, under the real shell, with a stand-in for the engine. */
function startShell(dataFolder: string): {
  supervisor: Supervisor;
  connectClient(): LonghandClient;
  pid(): number | null;
} {
  const supervisor = createNodeSupervisor({
    dataFolder,
    fetch: 'never',
    say() {},
    log() {},
    files: { engine: processFile('talking-engine'), reader: processFile('engine') },
  });
  supervisor.start();
  onTestFinished(() => supervisor.stop());
  return {
    supervisor,
    connectClient: () => connect<LonghandClient>(supervisor.connectClient()),
    pid: () => supervisor.processes().find(({ role }) => role === 'assistant')?.pid ?? null,
  };
}

describe('the assistant process', () => {
  it('loses nothing that was seen when it is killed in mid-answer, and the answer can be continued', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { connectClient, pid } = startShell(dataDir);
    let client = connectClient();
    const { id } = await client.chat.create({});
    let messageId = (await client.chat.send({ conversationId: id, text: 'Count' })).reply.id;
    for (let round = 1; round <= 3; round++) {
      const watched = await watchConversation(client, id);
      await until(() => (watched.last()?.text.split(' ').length ?? 0) > round * 40);
      const killed = pid()!;
      process.kill(killed, 'SIGKILL');
      await watched.ended;
      const seen = watched.last()!.text;

      await until(() => pid() !== null && pid() !== killed);
      client = connectClient();
      const kept = (await client.chat.path({ id })).at(-1)!;
      expect(kept).toMatchObject({ id: messageId, state: 'interrupted', model: 'tiny' });
      expect(kept.text.startsWith(seen)).toBe(true);
      messageId = (await client.chat.continue({ messageId })).reply.id;
    }
    await client.chat.stop({ messageId });
    const numbers = (await client.chat.path({ id })).at(-1)!.text.trim().split(' ').map(Number);
    expect(numbers).toEqual(numbers.map((_, index) => index)); // every part begins where the one before it ended
  });

  it('ends its answer and closes the database when the shell ends', async () => {
    const dataDir = tempFolder();
    installModel(dataDir);
    const { supervisor, connectClient } = startShell(dataDir);
    const client = connectClient();
    const { id } = await client.chat.create({});
    const { reply } = await client.chat.send({ conversationId: id, text: 'Count' });
    await sleep(300);
    await supervisor.stop();
    const store = openStore(join(dataDir, 'longhand.db')); // which it could not if it were still in use
    expect(store.messages.get(reply.id)).toMatchObject({ state: 'interrupted', error: { code: 'assistant-stopped' } });
    store.close();
  });

  it('says why it cannot start, once, and is not started again: the folder is in use', async () => {
    const dataDir = tempFolder();
    const store = openStore(join(dataDir, 'longhand.db'));
    const { supervisor } = startShell(dataDir);
    const error = await supervisor.failed;
    expect(error).toMatchObject({ code: 'data-folder-in-use', details: { path: dataDir, pid: process.pid } });
    store.close();
  });

  it('says why it cannot start: the database is damaged, and it is left as it is', async () => {
    const dataDir = tempFolder();
    mkdirSync(dataDir, { recursive: true });
    writeFileSync(join(dataDir, 'longhand.db'), 'This is not a database. '.repeat(500));
    const { supervisor } = startShell(dataDir);
    expect((await supervisor.failed).code).toBe('database-corrupt');
  });
});
