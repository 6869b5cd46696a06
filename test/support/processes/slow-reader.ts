// The reader process, packing so slowly that a test can kill it in between, and recording each step at once. Each step that
// was packed is a line of the file PACKED_LOG.
import { appendFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildGraph } from '../../../native-models/architectures/build-graph.ts';
import { openCheckpoint } from '../../../native-models/checkpoint/index.ts';
import { openWriter, type PackStep } from '../../../native-models/write-weights.ts';
import { onPort } from '../../../main/contract/handover.ts';
import { createServer } from '../../../main/contract/serve.ts';
import { readerRouter } from '../../../main/reader/router.ts';

const log = process.env.PACKED_LOG ?? '';

const router = readerRouter({
  recordBytes: 1,
  openPackers({ path, recipe, weightsFile }) {
    const writer = openWriter(weightsFile);
    const opened = openCheckpoint(path);
    const pack: PackStep = async (step, options) => {
      await sleep(30);
      const error = await buildGraph(await opened, recipe).weights.writeStep(step, writer.write, options);
      appendFileSync(log, `${step}\n`);
      return error;
    };
    return { steps: [pack], close: async () => (await opened).close() };
  },
});
const server = createServer(router);
onPort((_peer, port) => server.serve(port));
