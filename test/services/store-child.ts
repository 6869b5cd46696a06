// Run as a process of its own by the store's tests: `lock DIR` holds the folder, `write FILE` streams answers for ever.
import { writeSync } from 'node:fs';
import { lockDataFolder } from '../../main/services/store/lock.ts';
import { openStore } from '../../main/services/store/open.ts';

const TOKENS_PER_ANSWER = 50;
const [command, path] = process.argv.slice(2);
if (command === undefined || path === undefined) throw new Error('usage: store-child.ts lock|write PATH');

if (command === 'lock') {
  lockDataFolder(path);
  say('locked');
  setInterval(() => {}, 60_000);
} else {
  writeAnswers(path);
}

/** Says what was committed right after the commit, so that whatever the parent has read must be in the file. */
function writeAnswers(file: string): never {
  const { conversations, messages } = openStore(file);
  const conversationId = conversations.create().id;
  let parentId: string | null = null;
  for (;;) {
    const { id } = messages.insert({ conversationId, parentId, role: 'assistant', state: 'streaming' });
    for (let token = 0; token < TOKENS_PER_ANSWER; token += 1) {
      messages.appendChunk(id, `w${token} `, [token]);
      say(`${id} ${token + 1} streaming`);
    }
    messages.finish(id, { state: 'complete', finishReason: 'stop' });
    say(`${id} ${TOKENS_PER_ANSWER} complete`);
    parentId = id;
  }
}

function say(line: string): void {
  writeSync(1, `${line}\n`);
}
