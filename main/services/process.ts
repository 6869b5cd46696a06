import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { toStoredError } from '../contract/errors.ts';
import { onPort } from '../contract/handover.ts';
import { isThread } from '../contract/thread.ts';
import { followMoves } from './data/place.ts';
import { openAssistant, type Assistant } from './assistant.ts';

/**
 * The assistant process: services and database. The shell starts it with `--data DIR` and hands it ports.
 *
 * When it cannot start (the data folder is in use, the database is damaged, the disk is full) it writes one line
 * `{"fatal":{"code","message","details"}}` to stderr and ends with code 78, EX_CONFIG of sysexits.h. The shell shows
 * the reason and does not start it again: nothing would be different.
 */
const CANNOT_START = 78;

const log = (line: string) => void process.stderr.write(`${line}\n`);

function start(): Assistant {
  try {
    const { values } = parseArgs({ options: { data: { type: 'string' } } });
    if (values.data === undefined) throw new Error('--data DIR is missing');
    const version = process.env.LONGHAND_VERSION ?? 'development';
    return openAssistant({ dataDir: followMoves(values.data), version, env: process.env, log });
  } catch (error) {
    writeSync(2, `${JSON.stringify({ fatal: toStoredError(error) })}\n`); // at once, as the process ends with it
    process.exit(CANNOT_START);
  }
}

function run(): void {
  const assistant = start();
  onPort((peer, port) => assistant.connect(peer, port));
  process.once('SIGTERM', () => {
    assistant.close().then(
      () => process.exit(0),
      (error: Error) => {
        log(`closing failed: ${error.message}`);
        process.exit(1);
      },
    );
  });
}

if (!isThread) run(); // in a bundle, the thread of a search is this file too
