import type { Command, Options } from './command.ts';

/** What every command takes. */
export const commonOptions = {
  json: { type: 'boolean', help: 'print JSON: one object, or one per line where results stream' },
  data: { type: 'string', value: 'DIR', help: 'the data folder (else LONGHAND_DATA, or the usual place)' },
  model: { type: 'string', value: 'NAME', help: 'answer with this model, now and from now on' },
  'no-fetch': { type: 'boolean', help: 'do not download a model' },
  verbose: { type: 'boolean', help: 'show what the processes log' },
  help: { type: 'boolean', help: 'show this' },
} as const satisfies Options;

export function overview(commands: Command[]): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: longhand COMMAND [options]

${lines.join('\n')}

longhand help COMMAND tells more; longhand --version tells the version.
Exit codes: 0 done, 1 failed (one line on stderr says why), 2 wrong usage, 130 stopped by Ctrl-C.
`;
}

export function commandHelp({ name, usage, summary, options }: Command): string {
  const entries = Object.entries({ ...options, ...commonOptions }).map(([option, it]) => {
    return [`--${option}${it.type === 'string' ? ` ${it.value}` : ''}`, it.help] as const;
  });
  const width = Math.max(...entries.map(([option]) => option.length));
  return `Usage: longhand ${[name, usage].filter((part) => part !== '').join(' ')} [options]

${summary[0]!.toUpperCase()}${summary.slice(1)}.

${entries.map(([option, help]) => `  ${option.padEnd(width)}  ${help}`).join('\n')}
`;
}
