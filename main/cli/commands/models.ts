import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { LonghandError } from '../../contract/errors.ts';
import type { InstalledModel, ModelCard } from '../../contract/models.ts';
import { recipe, type RecipeName } from '../../contract/reader.ts';
import { formatBytes } from '../../shell/progress.ts';
import { defineCommand, parseNumber, UsageError, type Context } from '../command.ts';
import { contextChanges, describeChoices, kvTypeOf } from '../context.ts';
import { finishJob, readyModel } from '../model.ts';
import { describePlan } from '../plan.ts';
import { describeVerification } from '../verification.ts';
import { table } from '../table.ts';

type Action = (context: Context, argument: string | undefined) => Promise<void>;

export const models = defineCommand({
  name: 'models',
  usage:
    'list | search [WORDS] | plan NAME [--base MODEL] | pull [NAME] | import PATH [--base MODEL] | use NAME | context NAME | verify NAME | remove NAME',
  summary: 'list, find, price, get, choose and remove models',
  options: {
    name: { type: 'string', value: 'NAME', help: 'what to call an imported model' },
    recipe: { type: 'string', value: 'RECIPE', help: 'fast, balanced or exact, for an imported or planned model' },
    to: { type: 'string', value: 'N', help: 'the longest text that verify tries, in tokens (else the whole context)' },
    base: {
      type: 'string',
      value: 'MODEL',
      help: 'what an imported or planned adapter adapts: a file, a folder, or a model that was pulled',
    },
    context: {
      type: 'string',
      value: 'N',
      help: "tokens of conversation: of a plan (else 4096), or that a model is to read ('trained': as it claims)",
    },
    method: { type: 'string', value: 'METHOD', help: 'dca, yarn, dca+yarn or plain, beyond the trained length' },
    kv: { type: 'string', value: 'FORM', help: 'auto, float32, float16 or int8: how keys and values are kept' },
    sparse: { type: 'string', value: 'on|off', help: 'whether only what seems to matter is read far down (else off)' },
    'accept-license': { type: 'boolean', help: 'I have read the licence of the model that is pulled, and agree to it' },
  },
  fetch: 'never',
  async run(context) {
    const [name = 'list', argument, ...more] = context.positionals;
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined || (more.length > 0 && name !== 'search'))
      throw new UsageError(`'models ${context.positionals.join(' ')}' is not known`);
    await action(context, more.length > 0 ? [argument, ...more].join(' ') : argument);
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

  /** What the catalogue has of that kind. Nothing is measured for it. */
  async search({ connect, json, print, say }, argument) {
    const connection = await connect();
    const cards = await connection.run((client) => client.models.cards({ query: argument ?? '', measure: false }));
    if (json) print(JSON.stringify({ models: cards }));
    else if (cards.length === 0)
      say(`The catalogue has nothing for '${argument ?? ''}'. OWNER/NAME asks the hub: longhand models pull`);
    else for (const line of table(CARD_HEADINGS, cards.map(toCardRow))) print(line);
  },

  async plan(context, argument) {
    const { connect, json, print, values } = context;
    const name = needName(context, argument);
    const contextTokens = parseNumber('context', text(values.context), { min: 1, max: 1e8, isWhole: true });
    const path = isFile(name) ? resolve(name) : name;
    const chosen = { recipe: recipeOf(values.recipe), kvType: kvTypeOf(values.kv) };
    const wish = { name: path, base: baseOf(values.base), contextTokens, ...chosen };
    const connection = await connect();
    const plan = await connection.run((client) => client.models.plan(wish)).catch(explainBase);
    if (json) print(JSON.stringify(plan));
    else for (const line of describePlan(plan)) print(line);
  },

  async pull(context, argument) {
    const { connect, progress, values } = context;
    const connection = await connect();
    const name = argument ?? context.model ?? 'starter';
    const acknowledged = values['accept-license'] === true;
    const job = await connection.run((client) => client.models.pull({ name, acknowledged })).catch(explainLicense);
    report(context, await finishJob(connection, job, progress).catch(explainLicense).catch(explainBase));
  },

  async import(context, argument) {
    const { connect, progress, values } = context;
    if (argument === undefined) throw new UsageError('models import needs the path of a file or a folder');
    const path = resolve(argument);
    if (!existsSync(path)) throw new LonghandError('not-found', `There is no file ${path}.`, { path });
    const wish = { path, base: baseOf(values.base), name: text(values.name), recipe: recipeOf(values.recipe) };
    const connection = await connect();
    const job = await connection.run((client) => client.models.import(wish));
    report(context, await finishJob(connection, job, progress).catch(explainBase));
  },

  async use(context, argument) {
    const name = needName(context, argument);
    const connection = await context.connect();
    const status = await connection.run((client) => client.models.use({ name }));
    context.print(context.json ? JSON.stringify(status) : `${status.model?.name ?? name} answers from now on.`);
  },

  /** Shows which lengths of context there are, or chooses one, and how it is read and kept. */
  async context(context, argument) {
    const { connect, json, print, values } = context;
    const name = needName(context, argument);
    const changes = contextChanges(values);
    const connection = await connect();
    if (Object.keys(changes).length > 0)
      await connection.run((client) => client.models.setContext({ name, ...changes }));
    const choices = await connection.run((client) => client.models.contexts({ name }));
    if (json) print(JSON.stringify({ name, ...choices }));
    else for (const line of describeChoices(choices)) print(line);
  },

  /** Tests what a model finds in texts of growing length, and says up to which it found what was hidden. */
  async verify(context, argument) {
    const { connect, json, print, progress, values } = context;
    const name = needName(context, argument);
    const to = parseNumber('to', text(values.to), { min: 256, max: 1e8, isWhole: true });
    const connection = await connect();
    await readyModel(connection, name, progress);
    await finishJob(connection, await connection.run((client) => client.models.verify({ name, to })), progress);
    const found = await connection.run((client) => client.models.verification({ name }));
    if (json) print(JSON.stringify(found));
    else for (const line of describeVerification(found)) print(line);
  },

  async remove(context, argument) {
    const name = needName(context, argument);
    const connection = await context.connect();
    await connection.run((client) => client.models.remove({ name }));
    context.print(context.json ? JSON.stringify({ removed: name }) : `${name} was removed.`);
  },
};

const CARD_HEADINGS = ['name', 'parameters', 'download', 'memory at 4K', 'licence', ''];

function toCardRow({ name, parameters, downloadBytes, memory, license, obstacle, installed }: ModelCard): string[] {
  const [bytes] = memory.map((one) => formatBytes(one.bytes));
  const state = installed ? 'installed' : obstacle === null ? '' : `too large: ${obstacle.kind}`;
  return [name, millions(parameters), formatBytes(downloadBytes), bytes ?? '', license, state];
}

const HEADINGS = ['name', 'architecture', 'recipe', 'parameters', 'size', 'context', ''];

function toRow(model: InstalledModel): string[] {
  const { name, architecture, recipe, parameters, sizeBytes, contextTokens, loaded } = model;
  return [
    name,
    architecture,
    recipe,
    millions(parameters),
    formatBytes(sizeBytes),
    contextTokens.toLocaleString('en'),
    loaded ? 'loaded' : '',
  ];
}

const millions = (parameters: number) =>
  parameters >= 1e9 ? `${(parameters / 1e9).toFixed(1)}B` : `${Math.round(parameters / 1e6)}M`;

/** A name with a folder in it may be a repository of the hub: that a file lies there decides. */
const isFile = (name: string) => existsSync(resolve(name)) && /[./\\]/.test(name);

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

/** @throws UsageError */
function recipeOf(value: unknown): RecipeName | undefined {
  const chosen = recipe.optional().safeParse(value);
  if (chosen.success) return chosen.data;
  throw new UsageError(`--recipe takes ${recipe.options.join(', ')}, not '${String(value)}'`);
}

/** The command line says which option agrees. */
function explainLicense(error: unknown): never {
  if (!(error instanceof LonghandError) || error.code !== 'license-not-acknowledged') throw error;
  throw new LonghandError(error.code, `${error.message} Then add --accept-license.`, error.details, { cause: error });
}

/** A path where something lies there, else a name. */
function baseOf(value: unknown): string | undefined {
  const base = text(value);
  return base !== undefined && existsSync(resolve(base)) ? resolve(base) : base;
}

function explainBase(error: unknown): never {
  if (!(error instanceof LonghandError) || error.code !== 'adapter-needs-base') throw error;
  const { base } = error.details;
  const isAtHub = typeof base === 'string' && /^[\w.-]+\/[\w.-]+$/.test(base);
  const pull = isAtHub ? `Get it first (longhand models pull ${base}), or name it` : 'Name it';
  const message = `${error.message}. ${pull}: longhand models import ADAPTER --base MODEL.`;
  throw new LonghandError(error.code, message, error.details, { cause: error });
}

function report({ json, print }: Context, job: { title: string }): void {
  print(json ? JSON.stringify(job) : `${job.title}: done.`);
}

function needName({ model }: Context, argument: string | undefined): string {
  const name = argument ?? model;
  if (name === undefined) throw new UsageError('a model must be named; longhand models list shows them');
  return name;
}
