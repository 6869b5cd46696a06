import type { ProcessInfo } from '../../main/contract/shell.ts';
import type { Finding } from '../../main/contract/system.ts';
import type { Connection } from '../app/connection.ts';

type Hello = { version: string; dataFolder: string; pid: number };

/** What the assistant knows of its own health. */
export class Diagnostics {
  hello = $state.raw<Hello | null>(null);
  processes = $state.raw<ProcessInfo[]>([]);
  findings = $state.raw<Finding[] | null>(null);
  checking = $state(false);
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async greet(): Promise<void> {
    this.hello = await this.#connection.call((client) => client.system.hello());
  }

  async check(): Promise<void> {
    if (this.checking) return;
    this.checking = true;
    try {
      await this.greet();
      this.processes = await this.#connection.call((client) => client.system.processes());
      this.findings = await this.#connection.call((client) => client.system.doctor());
    } finally {
      this.checking = false;
    }
  }
}

export type Report = {
  hello: Hello | null;
  processes: ProcessInfo[];
  findings: Finding[];
  model: string | null;
  userAgent: string;
};

/** The report as text to send to somebody: in English whatever the language, without paths or names of the user's. */
export function reportText({ hello, processes, findings, model, userAgent }: Report): string {
  const lines = [
    `Longhand ${hello?.version ?? '?'}`,
    `Page: ${userAgent}`,
    `Model: ${model ?? 'none'}`,
    '',
    ...processes.map(
      ({ role, failed, restarts, lastExit }) =>
        `${role}: ${failed ? 'given up' : 'runs'}, restarts ${restarts}${lastExit === null ? '' : `, last end ${lastExit}`}`,
    ),
    '',
    ...findings.map(({ id, level, summary }) => `[${level}] ${id}: ${summary}`),
  ];
  return redact(lines.join('\n'), hello?.dataFolder ?? null);
}

/** Takes out what tells of the user: the data folder, the home folder, any other path, and addresses. */
export function redact(text: string, dataFolder: string | null): string {
  const home = /^(?:\/(?:home|Users)\/[^/]+|[A-Za-z]:\\Users\\[^\\]+)/.exec(dataFolder ?? '')?.[0];
  const known = [dataFolder, home].filter((path): path is string => Boolean(path));
  return (
    known
      .reduce((rest, path) => rest.replaceAll(path, '<folder>'), text)
      // What follows a folder of the user's may have spaces in its name; a word too much is better gone than one too few.
      .replaceAll(/<folder>[\\/][^\n:;,'"()<>]*/g, '<path>')
      .replaceAll(/\b[\w.+-]+@[\w-]+\.[\w.]+/g, '<address>')
      .replaceAll(/(?<![\w:/<])(?:[A-Za-z]:)?(?:[\\/][^\\/\s:;,'"()<>]+){2,}/g, '<path>')
  );
}
