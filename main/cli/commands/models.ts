import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import { recipe } from '../../contract/reader.ts';
import type { InstalledModel } from '../../contract/models.ts';
import { formatBytes } from '../../shell/progress.ts';
import { defineCommand, UsageError, type Context } from '../command.ts';
import { finishJob } from '../model.ts';
import { table } from '../table.ts';

type Action = (context: Context, argument: string | undefined) => Promise<void>;

export const models = defineCommand({
  name: 'models',
  usage: 'list | pull [NAME] | import PATH | use NAME | remove NAME',
  summary: 'list, get, choose and remove models',
  options: {
    name: { type: 'string', value: 'NAME', help: 'what to call an imported model' },
    recipe: { type: 'string', value: 'RECIPE', help: 'fast, balanced or exact, for an imported model' },
  },
  fetch: 'never',
  async run(context) {
    const [name = 'list', argument, ...more] = context.positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined || more.length > 0)
      throw new UsageError(`'models ${context.positionals.join(' ')}' is not known`);
    await action(context, argument);
    return 0;
  },
});

const actions: Record<string, Action> = {
  async list({ connect, json, print, say }) {
    const connection = await connect();
    const installed = await connection.run((client) => client.models.list());
    if (json) print(JSON.stringify({ models: installed }));
    else if (installed.length === 0) say('There are no models yet. Get one with: longhand models pull');
    else for (const line of table(HEADINGS, installed.map(toRow))) print(line);
  },

  async pull(context, argument) {
    const { connect, progress } = context;
    const connection = await connect();
    const job = await connection.run((client) => client.models.pull({ name: argument ?? context.model ?? 'starter' }));
    report(context, await finishJob(connection, job, progress));
  },

  async import(context, argument) {
    const { connect, progress, values } = context;
    if (argument === undefined) throw new UsageError('models import needs the path of a file');
    const path = resolve(argument);
    if (!existsSync(path)) throw new LonghandError('not-found', `There is no file ${path}.`, { path });
    const chosen = recipe.optional().safeParse(values.recipe);
    if (!chosen.success)
      throw new UsageError(`--recipe takes ${recipe.options.join(', ')}, not '${String(values.recipe)}'`);
    const name = typeof values.name === 'string' ? values.name : undefined;
    const connection = await connect();
    const job = await connection.run((client) => client.models.import({ path, name, recipe: chosen.data }));
    report(context, await finishJob(connection, job, progress));
  },

  async use(context, argument) {
    const name = needName(context, argument);
    const connection = await context.connect();
    const status = await connection.run((client) => client.models.use({ name }));
    context.print(context.json ? JSON.stringify(status) : `${status.model?.name ?? name} answers from now on.`);
  },

  async remove(context, argument) {
    const name = needName(context, argument);
    const connection = await context.connect();
    await connection.run((client) => client.models.remove({ name }));
    context.print(context.json ? JSON.stringify({ removed: name }) : `${name} was removed.`);
  },
};

const HEADINGS = ['name', 'architecture', 'recipe', 'parameters', 'size', 'context', ''];

function toRow(model: InstalledModel): string[] {
  const { name, architecture, recipe, parameters, sizeBytes, contextTokens, loaded } = model;
  const millions = parameters >= 1e9 ? `${(parameters / 1e9).toFixed(1)}B` : `${Math.round(parameters / 1e6)}M`;
  return [
    name,
    architecture,
    recipe,
    millions,
    formatBytes(sizeBytes),
    contextTokens.toLocaleString('en'),
    loaded ? 'loaded' : '',
  ];
}

function report({ json, print }: Context, job: { title: string }): void {
  print(json ? JSON.stringify(job) : `${job.title}: done.`);
}

function needName({ model }: Context, argument: string | undefined): string {
  const name = argument ?? model;
  if (name === undefined) throw new UsageError('a model must be named; longhand models list shows them');
  return name;
}
