import { parseArgs } from 'node:util';

export type Options = {
  isHeadless: boolean;
  isKept: boolean;
  fetch: 'starter' | 'never';
  data: string | undefined;
  port: number;
  json: boolean;
  help: boolean;
  /** Set where something was asked for that Electron's window cannot do. */
  isForBrowser: boolean;
};

export const usage = `Usage: npm start -- [options]

  --browser    open a browser also where Electron could be used
  --headless   serve the page without opening a window
  --keep       go on when the window is closed
  --no-fetch   download neither a model nor Electron
  --data DIR   keep everything in this folder (else LONGHAND_DATA, or the usual place)
  --port N     serve the page on this port (else a free one)
  --json       print events as JSON, one object per line
  --help       show this

The window is Electron's where that is or can be fetched (ELECTRON_BINARY and ELECTRON_MIRROR name others), else that of
Chromium, Chrome or Edge; LONGHAND_BROWSER names another. Without a display, open the printed address in any browser on
this machine. --headless, --keep, --port and --json always mean the browser.
`;

/** @throws Error whose message tells a user what is wrong with `argv` */
export function parseOptions(argv: string[]): Options {
  const { values } = parseArgs({
    args: argv,
    options: {
      browser: { type: 'boolean' },
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
    isForBrowser: (['browser', 'headless', 'keep', 'port', 'json', 'help'] as const).some((name) => name in values),
  };
}
