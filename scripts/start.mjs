// npm start: the app as it runs from its sources.
import { buildRenderer } from './build-renderer.mjs';

await buildRenderer();
const { main } = await import('../main/shell/browser/main.ts');
await main(process.argv.slice(2));
