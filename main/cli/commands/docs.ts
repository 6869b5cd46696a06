import { resolve } from 'node:path';
import { isDear } from '../../contract/dear.ts';
import type { DocumentInfo } from '../../contract/documents.ts';
import { LonghandError } from '../../contract/errors.ts';
import { MOST_WATCHED } from '../../contract/folder-rule.ts';
import { oneLine } from '../../contract/one-line.ts';
import { formatBytes, formatDuration } from '../../shell/progress.ts';
import type { Connection } from '../../shell/connection.ts';
import { defineCommand, parseNumber, UsageError, type Context } from '../command.ts';
import { foldTag, tidyTag } from '../../contract/tags.ts';
import { addAddress, addDocuments, describeFolder, followFolder, idsOf, placeIn, scopeOf } from '../documents.ts';
import { finishJob } from '../model.ts';
import { table } from '../table.ts';

const MOST_LINE = 300;

export const docs = defineCommand({
  name: 'docs',
  usage:
    'add PATH|ADDRESS… | watch [FOLDER…] | unwatch FOLDER… | list | tag NAME TAG… | untag NAME TAG… | search "WORDS" | remove NAME… | query NAME… "SELECT …" | models [NAME | FOLDER]',
  summary: 'put documents on the shelf, tag and search them, ask their tables, or take them off',
  options: {
    allow: { type: 'string', value: 'HOST,…', help: 'hosts that may be asked for a document at an address, this once' },
    password: { type: 'string', value: 'WORD', help: 'of an encrypted file that is added' },
    remove: { type: 'boolean', help: 'take the documents of a folder that is not watched any more off the shelf too' },
    in: { type: 'string', value: 'NAME', help: 'search only this document or watched folder' },
    tag: { type: 'string', value: 'TAG', help: 'search or list only what carries this tag' },
    limit: { type: 'string', value: 'N', help: 'so many passages at most (5)' },
  },
  fetch: 'starter',
  async run(context) {
    const { positionals, connect } = context;
    const [action, ...names] = positionals;
    const actions: Record<string, (connection: Connection) => Promise<number>> = {
      add: (connection) => add(connection, names, context),
      watch: (connection) => watch(connection, names, context),
      unwatch: (connection) => unwatch(connection, names, context.values.remove === true, context),
      list: (connection) => list(connection, context),
      tag: (connection) => tag(connection, names, context),
      untag: (connection) => tag(connection, names, context),
      search: (connection) => search(connection, names.join(' '), context),
      remove: (connection) => remove(connection, names, context),
      query: (connection) => query(connection, names.slice(0, -1), names.at(-1) ?? '', context),
      models: (connection) => models(connection, names[0], context),
    };
    const run = actions[action ?? 'list'];
    if (run === undefined) throw new UsageError(`'docs ${action}' is not known`);
    const needed = { add: 1, unwatch: 1, search: 1, remove: 1, query: 2, tag: 2, untag: 2 }[action ?? ''] ?? 0;
    if (names.length < needed) {
      const second = action === 'query' ? 'a SELECT' : 'a tag';
      throw new UsageError(`docs ${action} needs ${needed === 2 ? `a name and ${second}` : 'a name'}`);
    }
    return run(await connect());
  },
});

async function add(
  connection: Connection,
  paths: string[],
  { json, print, say, progress, values }: Context,
): Promise<number> {
  let failures = 0;
  const allow =
    typeof values.allow === 'string' ? values.allow.split(',').map((host) => host.trim().toLowerCase()) : [];
  const password = values.password as string | undefined;
  const isAddress = (path: string) => /^https?:\/\//i.test(path);
  await foretell(
    connection,
    paths.filter((path) => !isAddress(path)),
    say,
  );
  for (const path of paths) {
    const added = isAddress(path)
      ? await addAddress(connection, path, allow, progress)
      : await addDocuments(connection, path, progress, password);
    for (const document of added) {
      if (json) print(JSON.stringify(document));
      else if (document.error === null) print(describe(document));
      else say(`longhand: ${document.name}: ${document.error.message}`);
      if (document.error !== null) failures++;
    }
  }
  await finishIndexing(connection, progress);
  return failures === 0 ? 0 : 1;
}

/** Says what taking files in takes, where that is long. */
async function foretell(connection: Connection, paths: string[], say: Context['say']): Promise<void> {
  const asked = { paths: paths.map((path) => resolve(path)) };
  const { files, sizeBytes, seconds, meaningSeconds, bytes } = await connection.run((client) =>
    client.documents.estimate(asked),
  );
  if (!isDear({ seconds, bytes })) return;
  const meaning =
    meaningSeconds === null ? '' : `, and ${formatDuration(meaningSeconds * 1000)} more to be found by meaning`;
  say(
    `${files > MOST_WATCHED ? 'more than ' : ''}${files} files, ${formatBytes(sizeBytes)}: about ${formatDuration(seconds * 1000)} to read${meaning}; about ${formatBytes(bytes)} of disk. Ctrl+C stops.`,
  );
}

/** Work ends with the processes of a command line that has no Longhand beside it. */
async function finishIndexing(connection: Connection, progress: Context['progress']): Promise<void> {
  const waiting = (await connection.run((client) => client.documents.list())).find(({ state }) => state === 'indexing');
  const job = (await connection.run((client) => client.jobs.list())).find(({ id }) => id === waiting?.jobId);
  if (job !== undefined) await finishJob(connection, job, progress);
}

/** Begins to watch folders, and waits until what lies in them is read; without a name it tells which are watched. */
async function watch(
  connection: Connection,
  paths: string[],
  { json, print, say, progress }: Context,
): Promise<number> {
  const added: string[] = [];
  await foretell(connection, paths, say);
  for (const path of paths) {
    const { id } = await connection.run((client) => client.documents.watchFolder({ path: resolve(path) }));
    added.push(id);
    await followFolder(connection, id, progress);
  }
  if (added.length > 0) await finishIndexing(connection, progress);
  const all = await connection.run((client) => client.documents.folders());
  const folders = added.length === 0 ? all : all.filter(({ id }) => added.includes(id));
  if (json) print(JSON.stringify(folders));
  else if (folders.length === 0) print('No folder is watched. Watch one: longhand docs watch FOLDER');
  else for (const folder of folders) print(describeFolder(folder));
  return folders.every(({ state, error }) => (state === 'watched' || state === 'looking') && error === null) ? 0 : 1;
}

async function unwatch(
  connection: Connection,
  names: string[],
  remove: boolean,
  { json, print }: Context,
): Promise<number> {
  const folders = await connection.run((client) => client.documents.folders());
  for (const name of names) {
    const folder = folders.find((one) => one.id === name || one.path === resolve(name));
    if (folder === undefined) throw new LonghandError('not-found', `${name} is not watched.`, { path: name });
    const documents = remove ? 'remove' : 'keep';
    await connection.run((client) => client.documents.unwatchFolder({ id: folder.id, documents }));
  }
  print(json ? JSON.stringify({ unwatched: names }) : `Not watched any more: ${names.join(', ')}.`);
  return 0;
}

/** Puts tags on the documents of a name, or takes them off. */
async function tag(
  connection: Connection,
  [name = '', ...given]: string[],
  { json, print, positionals }: Context,
): Promise<number> {
  const folds = new Set(given.map((one) => foldTag(tidyTag(one))));
  for (const id of await idsOf(connection, [name])) {
    const { tags: before } = await connection.run((client) => client.documents.get({ id }));
    const others = before.filter((one) => !folds.has(foldTag(one)));
    const tags = positionals[0] === 'tag' ? [...before, ...given] : others;
    const tagged = await connection.run((client) => client.documents.tag({ id, tags }));
    const carried = tagged.tags.length === 0 ? 'carries no tag' : `carries ${tagged.tags.join(', ')}`;
    print(json ? JSON.stringify(tagged) : `${tagged.name} ${carried}.`);
  }
  return 0;
}

async function list(connection: Connection, { json, print, values }: Context): Promise<number> {
  const { collections } = await scopeOf(connection, { tag: values.tag as string | undefined });
  const all = await connection.run((client) => client.documents.list());
  const documents = all.filter(({ tags }) => collections.every(({ id }) => tags.includes(id)));
  if (json) print(JSON.stringify(documents));
  else if (documents.length === 0) print('There are no documents. Add some: longhand docs add PATH');
  else {
    const headings = ['name', 'format', 'size', 'parts', 'passages', 'by meaning', 'state', 'tags'];
    const rows = documents.map(({ name, format, sizeBytes, parts, passages, embedded, state, tags }) => [
      ...[name, format ?? '', formatBytes(sizeBytes), String(parts), String(passages), String(embedded), state],
      tags.join(', '),
    ]);
    for (const line of table(headings, rows)) print(line);
  }
  return 0;
}

async function search(connection: Connection, words: string, { json, print, say, values }: Context): Promise<number> {
  const limit = parseNumber('limit', values.limit as string | undefined, { min: 1, max: 200, isWhole: true }) ?? 5;
  const chosen = { in: values.in as string | undefined, tag: values.tag as string | undefined };
  const { documentIds: named, collections: within } = await scopeOf(connection, chosen);
  const documentIds = named.length > 0 ? named : undefined;
  const found = await connection.run((client) => client.documents.search({ query: words, documentIds, within, limit }));
  if (json) {
    print(JSON.stringify(found));
    return 0;
  }
  for (const { name, partKind, partLabel, text, found: by } of found.hits) {
    const line = oneLine(text);
    print(
      `${placeIn(name, { kind: partKind, label: partLabel })} (${by.join(', ')})\n  ${line.length > MOST_LINE ? `${line.slice(0, MOST_LINE)}…` : line}`,
    );
  }
  if (found.hits.length === 0) say('Nothing was found.');
  if (found.wordsOnly !== null) say(`Searched by words alone: ${REASONS[found.wordsOnly]}.`);
  return 0;
}

const REASONS = {
  'no-embedder': 'there is no model that finds by meaning; fetch one with: longhand docs models fetch',
  'not-indexed': 'no passage has been made searchable by meaning yet',
  language: 'the model that finds by meaning reads English only',
  'embedder-stopped': 'the process that finds by meaning is not there',
};

async function remove(connection: Connection, names: string[], { json, print }: Context): Promise<number> {
  for (const id of await idsOf(connection, names)) await connection.run((client) => client.documents.remove({ id }));
  print(json ? JSON.stringify({ removed: names }) : `Removed ${names.join(', ')}.`);
  return 0;
}

async function query(
  connection: Connection,
  names: string[],
  sql: string,
  { json, print, say }: Context,
): Promise<number> {
  const documentIds = await idsOf(connection, names);
  const { columns, rows, truncated } = await connection.run((client) => client.documents.query({ documentIds, sql }));
  if (json) print(JSON.stringify({ columns, rows, truncated }));
  else
    for (const line of table(
      columns,
      rows.map((row) => row.map((cell) => String(cell ?? ''))),
    ))
      print(line);
  if (truncated && !json) say('There are more rows than are shown.');
  return 0;
}

/** `fetch` gets the best that can be had; a name uses or gets that one, and a path brings in one of the user's. */
async function models(
  connection: Connection,
  wanted: string | undefined,
  { json, print, progress }: Context,
): Promise<number> {
  const before = await connection.run((client) => client.documents.embedder());
  if (wanted !== undefined) {
    if (before.installed.some(({ name }) => name === wanted)) {
      await connection.run((client) => client.documents.useEmbedder({ name: wanted }));
    } else if (wanted === 'fetch' || before.offered.some(({ name }) => name === wanted)) {
      const name = wanted === 'fetch' ? {} : { name: wanted };
      await finishJob(connection, await connection.run((client) => client.documents.installEmbedder(name)), progress);
    } else {
      await connection.run((client) => client.documents.importEmbedder({ path: resolve(wanted) }));
    }
  }
  const status = await connection.run((client) => client.documents.embedder());
  if (json) {
    print(JSON.stringify(status));
    return 0;
  }
  const rows = [
    ...status.installed.map(({ name, languages }) => [name, languages, name === status.model ? 'in use' : 'here']),
    ...status.offered.map(({ name, languages, sizeBytes }) => [name, languages, formatBytes(sizeBytes)]),
  ];
  for (const line of table(['model', 'languages', ''], rows)) print(line);
  print(`${status.embedded} of ${status.passages} passages can be found by meaning.`);
  return 0;
}

function describe({ name, format, parts, passages }: DocumentInfo): string {
  return `${name} (${format ?? 'unknown'}): ${parts} parts, ${passages} passages.`;
}
