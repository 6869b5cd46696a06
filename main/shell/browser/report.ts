import type { ModelStatus } from '../../contract/models.ts';
import type { LonghandError } from '../../contract/errors.ts';
import { pageUrl, type Instance } from '../instance.ts';
import { describeJob, ProgressLine, type ProgressStream } from '../progress.ts';

/** What the shell tells whoever started it. */
export type Report = {
  ready(instance: Instance): void;
  alreadyRunning(instance: Instance): void;
  /** True when there is nothing more to wait for. */
  model(status: ModelStatus): boolean;
  say(line: string): void;
  log(line: string): void;
  error(error: LonghandError): void;
};

type Streams = { stdout: { write(text: string): unknown }; stderr: ProgressStream };

/** For people: the address on stdout, all else on stderr. */
export function textReport({ stdout, stderr }: Streams): Report {
  const progress = new ProgressLine(stderr);
  const say = (line: string) => {
    progress.clear();
    stderr.write(`${line}\n`);
  };
  let saidState: string | null = null;
  return {
    say,
    log: say,
    ready: (instance) => void stdout.write(`Longhand is ready: ${pageUrl(instance)}\n`),
    alreadyRunning: (instance) => void stdout.write(`Longhand is already running: ${pageUrl(instance)}\n`),
    error: (error) => say(`longhand: ${error.message}`),
    model(status) {
      if (status.state === 'installing' && status.job) progress.update(describeJob(status.job), status.job.stage ?? '');
      else if (status.state !== saidState) say(describeModel(status));
      saidState = status.state;
      return status.state === 'ready';
    },
  };
}

/** For scripts: one JSON object per line, on stdout. */
export function jsonReport({ stdout }: Streams): Report {
  const print = (event: string, values: object) => void stdout.write(`${JSON.stringify({ event, ...values })}\n`);
  return {
    ready: (instance) => print('ready', shownOf(instance)),
    alreadyRunning: (instance) => print('already-running', shownOf(instance)),
    say: (text) => print('message', { text }),
    log: (text) => print('log', { text }),
    error: ({ code, message, details }) => print('error', { code, message, details }),
    model(status) {
      print('model', status);
      return status.state === 'ready';
    },
  };
}

/** The command line finds its own token in the data folder. */
function shownOf({ commandToken: _, ...shown }: Instance) {
  return { url: pageUrl(shown), ...shown };
}

function describeModel({ state, model, error }: ModelStatus): string {
  const name = model?.name ?? 'the model';
  if (state === 'ready') return `Model ready: ${name}`;
  if (state === 'loading') return `Loading ${name}`;
  if (state === 'installing') return 'Getting a model';
  if (state === 'failed') return `There is no model yet: ${error?.message ?? 'it could not be made ready'}`;
  return 'There is no model yet. Add one in the page, or with: npm run -s longhand -- models pull';
}
