// Runs npm and turns its failures into one line that says what to do.
import { spawn } from 'node:child_process';
import { delimiter } from 'node:path';

/** A failure the user can mend. The message is one line that says what to do. */
export class InstallError extends Error {}

/**
 * Runs the system's npm to its end. A signal that asks us to stop stops npm, and then rejects.
 * @param {string} root the project's folder
 * @param {string[]} args
 * @param {(pid: number) => () => void} [onStart] told npm's process id; what it returns is called when npm has ended
 * @returns {Promise<{ code: number | string, output: string }>} exit code or signal, and what npm printed
 * @throws {InstallError} npm cannot be started, or was stopped
 */
export function runNpm(root, args, onStart) {
  // npm ci deletes node_modules and with it the pinned Node, so npm must run on the system's.
  const path = (process.env.PATH ?? '').split(delimiter).filter((dir) => !dir.split(/[\\/]/).includes('node_modules'));
  const child = spawn('npm', [...args, '--loglevel=error', '--prefix', root], {
    cwd: root,
    env: { ...process.env, PATH: path.join(delimiter), ONNXRUNTIME_NODE_INSTALL: 'skip' },
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32', // npm is a .cmd there
  });
  const onEnd = child.pid && onStart ? onStart(child.pid) : () => {};
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk));

  return new Promise((resolve, reject) => {
    let stoppedBy;
    const stop = (signal) => {
      stoppedBy = signal;
      child.kill(signal);
    };
    for (const signal of STOP_SIGNALS) process.on(signal, stop);
    const end = (settle) => {
      for (const signal of STOP_SIGNALS) process.off(signal, stop);
      onEnd();
      if (stoppedBy) reject(new InstallError(`Installing was stopped (${stoppedBy}). The next start does it again.`));
      else settle();
    };
    child.on('error', (error) => end(() => reject(cannotStart(error))));
    child.on('close', (code, signal) => end(() => resolve({ code: code ?? signal, output })));
  });
}

const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

function cannotStart(error) {
  if (error.code === 'ENOENT') {
    return new InstallError('npm was not found. Install Node.js with npm (https://nodejs.org) and start again.');
  }
  return new InstallError(`npm cannot be started (${error.code ?? error.message}). Reinstall Node.js and start again.`);
}

const UNREACHABLE = [
  ...['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'ENETUNREACH', 'EHOSTUNREACH', 'EPIPE'],
  ...['ERR_SOCKET_TIMEOUT', 'ENOTCACHED', 'FETCH_ERROR'],
];

/**
 * Explains a failed run of npm from the error code that it prints.
 * @param {{ code: number | string, output: string }} result
 * @param {string} root the project's folder
 */
export function explainNpm({ code, output }, root) {
  const npmCode = printed('code', output) ?? '';
  const registry = `The package registry ${/https?:\/\/[^\s/]+/.exec(output)?.[0] ?? ''}`.trim();
  if (UNREACHABLE.includes(npmCode)) {
    const advice = 'Check the network (behind a proxy: npm config set https-proxy URL) and start again.';
    return new InstallError(`${registry} could not be reached (${npmCode}). ${advice}`);
  }
  if (/CERT|SIGNATURE/.test(npmCode)) {
    const advice = 'Name the file of your authority in NODE_EXTRA_CA_CERTS and start again.';
    return new InstallError(`${registry} has a certificate that npm does not trust (${npmCode}). ${advice}`);
  }
  if (/^E[345]\d\d$/.test(npmCode)) {
    const advice = 'Check which registry npm uses (npm config get registry) and start again.';
    return new InstallError(`${registry} refused a package (${npmCode}). ${advice}`);
  }
  if (npmCode === 'EUSAGE') {
    const advice = 'Run npm install --ignore-scripts and start again.';
    return new InstallError(`package-lock.json was not made for this package.json. ${advice}`);
  }
  if (npmCode === 'EINTEGRITY') {
    return new InstallError('A package came damaged. Run npm cache verify and start again.');
  }
  const byFileSystem = explainFileSystem({ code: npmCode, path: printed('path', output) }, root);
  return byFileSystem ?? new InstallError(`${output.trim()}\nnpm ended with ${code}; its own message is above.`);
}

/**
 * Explains an error of the file system, or returns undefined where the code says nothing to a user.
 * @param {{ code?: string, path?: string }} error
 * @param {string} root the project's folder
 */
export function explainFileSystem({ code = '', path }, root) {
  if (code === 'ENOSPC') {
    return new InstallError(`The disk became full while installing into ${root}. Free some space and start again.`);
  }
  if (!['EACCES', 'EPERM', 'EROFS'].includes(code)) return undefined;
  return new InstallError(
    `${path ?? root} cannot be written by this user (${code}). Make it writable and start again.`,
  );
}

/** The value of `npm error code …` or `npm error path …`; npm 9 wrote ERR! for error. */
function printed(field, output) {
  return new RegExp(`npm (?:error|ERR!) ${field} (.+)`).exec(output)?.[1]?.trim();
}
