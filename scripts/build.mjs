// npm run build: the page, and what Electron runs.
import { buildElectron } from './build-electron.mjs';
import { buildRenderer } from './build-renderer.mjs';

await buildRenderer();
await buildElectron();
