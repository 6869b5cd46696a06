import { onPort } from '../contract/handover.ts';
import { createServer } from '../contract/serve.ts';
import { isThread } from '../contract/thread.ts';
import { openPackThreads } from './pack-thread.ts';
import { readerRouter } from './router.ts';

/** The reader process: opens files that may lie, and does the heavy work on them, away from the database. */
const server = createServer(readerRouter({ openPackers: openPackThreads }));
// In a bundle, a thread that packs is this file too.
if (!isThread) onPort((_peer, port) => server.serve(port));
