import { spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Answers as npm does, at once, and keeps a diary. `ci` takes a moment, long enough to meet it at work.
const SCRIPTED_NPM = `#!${process.execPath}
const fs = require('node:fs');
const command = process.argv[2];
fs.appendFileSync('diary', command + ' ');
if (command === '--version') console.log('11.0.0');
if (command === 'ci') {
  fs.rmSync('node_modules', { recursive: true, force: true });
  fs.mkdirSync('node_modules');
  setTimeout(() => {
    const { packages } = JSON.parse(fs.readFileSync('package-lock.json'));
    for (const [path, { skip }] of Object.entries(packages)) {
      if (path === '' || skip) continue;
      fs.mkdirSync(path, { recursive: true });
      fs.writeFileSync(path + '/package.json', '{}');
    }
    fs.writeFileSync('node_modules/.package-lock.json', JSON.stringify({ packages }));
    fs.appendFileSync('diary', 'installed ');
  }, 250);
}
`;

export type Run = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string };

/** A tiny project that starts as Longhand does, in a folder of its own. */
export class BootstrapProject {
  readonly root = mkdtempSync(join(tmpdir(), 'longhand-bootstrap-'));
  readonly #running = new Set<ChildProcess>();

  constructor() {
    for (const folder of ['scripts', 'scripted']) mkdirSync(join(this.root, folder));
    for (const file of ['run.mjs', 'install.mjs', 'folder-lock.mjs', 'npm.mjs']) {
      copyFileSync(join('scripts', file), join(this.root, 'scripts', file));
    }
    writeFileSync(join(this.root, 'scripted', 'npm'), SCRIPTED_NPM, { mode: 0o755 });
    this.describe({});
  }

  /** Writes package.json and its lockfile. `skipped` names dependencies that the scripted npm leaves out. */
  describe(dependencies: Record<string, string>, { scripts = {}, skipped = [] as string[] } = {}): void {
    const about = { name: 'tiny', version: '1.0.0', dependencies };
    const packages: Record<string, unknown> = { '': about };
    for (const [name, version] of Object.entries(dependencies)) {
      packages[`node_modules/${name}`] = { version, skip: skipped.includes(name) };
    }
    this.write('package.json', JSON.stringify({ ...about, scripts }));
    this.write('package-lock.json', JSON.stringify({ ...about, lockfileVersion: 3, packages }));
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.root, file), text);
  }

  /** What the scripted npm was asked to do, in order, and `installed` where it came to the end of it. */
  get diary(): string[] {
    const file = join(this.root, 'diary');
    return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ') : [];
  }

  get installs(): number {
    return this.diary.filter((entry) => entry === 'installed').length;
  }

  /** `node scripts/run.mjs ...args`, with the scripted npm unless `PATH` says otherwise. */
  start(args: string[], env: NodeJS.ProcessEnv = {}): { child: ChildProcess; done: Promise<Run> } {
    const child = spawn(process.execPath, [join(this.root, 'scripts', 'run.mjs'), ...args], {
      cwd: this.root,
      env: { ...process.env, PATH: join(this.root, 'scripted'), ...env },
    });
    this.#running.add(child);
    const run = { stdout: '', stderr: '' };
    child.stdout.on('data', (chunk: Buffer) => (run.stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (run.stderr += chunk.toString()));
    const done = new Promise<Run>((resolve) => {
      child.on('close', (code, signal) => {
        this.#running.delete(child);
        resolve({ ...run, code, signal });
      });
    });
    return { child, done };
  }

  run(args: string[], env?: NodeJS.ProcessEnv): Promise<Run> {
    return this.start(args, env).done;
  }

  remove(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.root, { recursive: true, force: true });
  }
}
