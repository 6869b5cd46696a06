import { parseArgs } from 'node:util';

export type Options = {
  isHeadless: boolean;
  isKept: boolean;
  fetch: 'starter' | 'never';
  data: string | undefined;
  port: number;
  json: boolean;
  help: boolean;
};

export const usage = `Usage: npm start -- [options]

  --headless   serve the page without opening a window
  --keep       go on when the window is closed
  --no-fetch   do not download a model
  --data DIR   keep everything in this folder (else LONGHAND_DATA, or the usual place)
  --port N     serve the page on this port (else a free one)
  --json       print events as JSON, one object per line
  --help       show this

A window needs a display and Chromium, Chrome or Edge; LONGHAND_BROWSER names another.
Without one, open the printed address in any browser on this machine.
`;

/** @throws Error whose message tells a user what is wrong with `argv` */
export function parseOptions(argv: string[]): Options {
  const { values } = parseArgs({
    args: argv,
    options: {
      headless: { type: 'boolean' },
      keep: { type: 'boolean' },
      'no-fetch': { type: 'boolean' },
      data: { type: 'string' },
      port: { type: 'string' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const port = values.port ?? '0';
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) {
    throw new Error(`--port takes a number from 0 to 65535, not '${port}'`);
  }
  if (values.data === '') throw new Error('--data takes the path of a folder');
  return {
    isHeadless: values.headless ?? false,
    isKept: values.keep ?? false,
    fetch: values['no-fetch'] ? 'never' : 'starter',
    data: values.data,
    port: Number(port),
    json: values.json ?? false,
    help: values.help ?? false,
  };
}
