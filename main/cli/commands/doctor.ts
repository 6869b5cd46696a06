import { LonghandError } from '../../contract/errors.ts';
import type { Finding } from '../../contract/system.ts';
import { defineCommand, UsageError, type Context } from '../command.ts';

const MARKS: Record<Finding['level'], string> = {
  ok: 'ok     ',
  note: 'note   ',
  warning: 'warning',
  failure: 'FAILURE',
};

export const doctor = defineCommand({
  name: 'doctor',
  usage: '',
  summary: 'check the data folder, the models and the processes',
  options: {},
  fetch: 'never',
  async run(context) {
    if (context.positionals.length > 0) throw new UsageError('doctor takes no arguments');
    const findings = await examine(context);
    const isSound = findings.every(({ level }) => level !== 'failure');
    if (context.json) {
      context.print(JSON.stringify({ ok: isSound, findings }));
    } else {
      for (const { level, summary, action } of findings) {
        context.print(`${MARKS[level]}  ${summary}${action === null ? '' : ` To do: ${action}`}`);
      }
    }
    return isSound ? 0 : 1;
  },
});

/** What the assistant finds; that it cannot be asked is a finding as well. */
async function examine({ connect, model }: Context): Promise<Finding[]> {
  try {
    const connection = await connect();
    if (model !== undefined) await connection.run((client) => client.models.use({ name: model }));
    return await connection.run((client) => client.system.doctor());
  } catch (error) {
    if (!(error instanceof LonghandError)) throw error;
    return [{ id: error.code, level: 'failure', code: error.code, values: {}, summary: error.message, action: null }];
  }
}
