// `npm start` with a model that queries tables in place of the engine; everything else is real.
import { fileURLToPath } from 'node:url';
import { main } from '../../../main/shell/browser/main.ts';

await main(process.argv.slice(2), { files: { engine: fileURLToPath(new URL('calling-engine.ts', import.meta.url)) } });
