// node --import ./register.mjs out/electron/main.js: every import of 'electron' gets the stand-in. The real package is
// never loaded, because that alone would make it fetch its binary.
import { registerHooks } from 'node:module';

const url = new URL('./electron.ts', import.meta.url).href;
registerHooks({
  resolve: (name, context, next) => (name === 'electron' ? { url, shortCircuit: true } : next(name, context)),
});
