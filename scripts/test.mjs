// npm test: every check there is, in one run, closed by one line with the totals.
// npm test -- unit e2e           only these groups
// npm test -- test/unit/x.test.ts  only this file
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureChromium } from './chromium.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const VITEST_GROUPS = ['unit', 'golden', 'services', 'model', 'fuzz'];
const GROUPS = ['static', ...VITEST_GROUPS, 'e2e'];
const BUILD = { title: 'Build of the interface', args: [join(root, 'scripts/build-renderer.mjs')] };
const STATIC_CHECKS = [
  { title: 'Types (tsc)', args: [join(modules, 'typescript/bin/tsc'), '--project', '.'] },
  {
    title: 'Types and accessibility of components (svelte-check)',
    args: [join(modules, 'svelte-check/bin/svelte-check'), '--tsconfig', 'tsconfig.json', '--fail-on-warnings'],
  },
  { title: 'Lint (eslint)', args: [join(modules, 'eslint/bin/eslint.js'), '--max-warnings', '0', '.'] },
  {
    title: 'Format (prettier)',
    args: [join(modules, 'prettier/bin/prettier.cjs'), '--check', '--log-level', 'warn', '.'],
  },
  BUILD,
];

const totals = { passed: 0, failed: 0, skipped: 0 };
const children = new Set();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    for (const child of children) child.kill(signal);
    process.exit(130);
  });
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !GROUPS.includes(name) && !name.startsWith('test/'));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(', ')}. Groups are ${GROUPS.join(', ')}; a file begins with test/.`);
  process.exit(2);
}
const wants = (group) => wanted.length === 0 || wanted.includes(group);
const files = wanted.filter((name) => name.startsWith('test/'));
const e2eFiles = files.filter((name) => name.startsWith('test/e2e'));
const vitestFiles = [
  ...VITEST_GROUPS.filter(wants).map((group) => `test/${group}/`),
  ...files.filter((name) => !e2eFiles.includes(name)),
];

const reports = mkdtempSync(join(tmpdir(), 'longhand-test-'));
try {
  if (wants('static')) await runChecks(STATIC_CHECKS);
  if (vitestFiles.length > 0) await runVitest(vitestFiles);
  if (wants('e2e') || e2eFiles.length > 0) await runPlaywright(e2eFiles);
} finally {
  rmSync(reports, { recursive: true, force: true });
}
const skipped = totals.skipped > 0 ? `, ${totals.skipped} skipped` : '';
console.log(`\n${totals.passed} passed, ${totals.failed} failed${skipped}`);
process.exitCode = totals.failed > 0 || totals.passed === 0 ? 1 : 0;

/** Runs checks beside each other, as many as there are cores, and shows the output of each in one piece. */
async function runChecks(checks) {
  const queue = [...checks];
  const worker = async () => {
    for (let check = queue.shift(); check; check = queue.shift()) {
      const started = Date.now();
      const { code, output } = await node(check.args, 'pipe');
      console.log(
        `\n${code === 0 ? 'passed' : 'FAILED'}  ${check.title}, ${((Date.now() - started) / 1000).toFixed(1)} s`,
      );
      if (output.trim() !== '') console.log(output.trimEnd());
      totals[code === 0 ? 'passed' : 'failed'] += 1;
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), checks.length) }, worker));
}

async function runVitest(filters) {
  heading(`Tests: ${filters.join(' ')}`);
  const report = join(reports, 'vitest.json');
  const args = ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...filters];
  const { code } = await node([join(modules, 'vitest/vitest.mjs'), ...args], 'inherit');
  const result = readReport(report);
  const brokenFiles = (result?.testResults ?? []).filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  );
  count(code, {
    passed: result?.numPassedTests ?? 0,
    failed: (result?.numFailedTests ?? 0) + brokenFiles.length,
    skipped: (result?.numPendingTests ?? 0) + (result?.numTodoTests ?? 0),
  });
}

async function runPlaywright(filters) {
  heading('Tests in a browser: test/e2e');
  const browser = ensureChromium();
  if ('reason' in browser) {
    console.log(`Skipped: ${browser.reason}.`);
    totals.skipped += 1;
    return;
  }
  if (!wants('static')) await runChecks([BUILD]);
  const report = join(reports, 'playwright.json');
  const args = ['test', '--reporter=list,json,./test/support/where-reporter.ts', ...filters];
  const env = { CHROMIUM: browser.path, PLAYWRIGHT_JSON_OUTPUT_NAME: report };
  const { code } = await node([join(modules, '@playwright/test/cli.js'), ...args], 'inherit', env);
  const { expected = 0, flaky = 0, unexpected = 0, skipped = 0 } = readReport(report)?.stats ?? {};
  count(code, { passed: expected, failed: unexpected + flaky, skipped });
}

/** A runner can also fail outside of every test, for instance when it finds none or cannot read its configuration. */
function count(code, { passed, failed, skipped }) {
  totals.passed += passed;
  totals.failed += code !== 0 && failed === 0 ? 1 : failed;
  totals.skipped += skipped;
}

function node(args, stdio, extraEnv) {
  const color = stdio === 'pipe' && process.stdout.isTTY ? { FORCE_COLOR: '1' } : {};
  const env = { ...process.env, ...color, ...extraEnv };
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', stdio, stdio] });
  children.add(child);
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.on('data', (chunk) => (output += chunk));
    child.stderr?.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      children.delete(child);
      resolve({ code: code ?? 1, output });
    });
  });
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined; // the runner ended before it could write one; its exit code tells the rest
  }
}

function heading(text) {
  console.log(`\n${text}`);
}
