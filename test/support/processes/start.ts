// `npm start` with stand-ins for its processes and its page.
import { fileURLToPath } from 'node:url';
import { main } from '../../../main/shell/browser/main.ts';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
await main(process.argv.slice(2), {
  files: {
    assistant: file('assistant.ts'),
    engine: file('engine.ts'),
    reader: file('engine.ts'),
    embedder: file('engine.ts'),
  },
  folder: file('../page'),
});
