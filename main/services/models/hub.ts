import { z } from 'zod';
import { LonghandError } from '../../contract/errors.ts';
import { isPlainPath } from './model-name.ts';

/** What a file must hash to: large files have a SHA-256, small ones the id of a git blob (SHA-1), or nothing is told. */
export type Checksum = { kind: 'sha256' | 'git-blob'; value: string } | null;

/** A file of a repository. Paths that would lead out of a folder are not among them. */
export type HubFile = { path: string; sizeBytes: number; checksum: Checksum };

/** What a host says that a repository holds. */
export type Listing = {
  repository: string;
  host: string;
  /** Address of what people read of it. */
  page: string;
  license: string | null;
  files: HubFile[];
  urlOf(path: string): string;
};

export type HubOptions = {
  /** LONGHAND_HUB and LONGHAND_MIRROR name other bases than the public ones. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** How long each host may take to answer at all; a whole listing may take five times as long. */
  probeMs?: number | undefined;
};

const PROBE_MS = 4000;
const LISTING_PROBES = 5;
/** A listing of ten thousand files takes some 3 MB. */
const MOST_BYTES = 16 << 20;
const MOST_PAGES = 20;

const huggingFaceFile = z.object({
  type: z.string(),
  path: z.string(),
  size: z.number().int().nonnegative().optional(),
  oid: z.string().optional(),
  lfs: z.object({ oid: z.string(), size: z.number().int().nonnegative() }).nullish(),
});
const huggingFaceModel = z.object({
  cardData: z.object({ license: z.unknown(), license_name: z.unknown() }).partial().nullish(),
});
const modelScopeFiles = z.object({
  Data: z.object({
    Files: z.array(
      z.object({
        Path: z.string(),
        Type: z.string().optional(),
        Size: z.number().int().nonnegative(),
        Sha256: z.string().nullish(),
      }),
    ),
  }),
});
const modelScopeModel = z.object({ Data: z.object({ License: z.unknown() }) });

/**
 * The files of a repository with sizes and checksums: from the hub, and where it does not answer or has none, from the
 * mirror. Nothing else is fetched.
 * @throws LonghandError `offline` where no host answers; `not-at-hub` where those that do have no such repository, or
 *   keep it behind a login; `download-failed` where one answers what makes no sense
 */
export async function listRepository(repository: string, options: HubOptions): Promise<Listing> {
  const answers: { host: string; answer: Refusal }[] = [];
  for (const host of hostsOf(options.env)) {
    try {
      return await host.list(repository, options);
    } catch (error) {
      options.signal.throwIfAborted();
      if (!(error instanceof Refusal)) throw error;
      answers.push({ host: new URL(host.base).host, answer: error });
    }
  }
  const statuses = answers.map(({ answer }) => answer.status);
  const isGated = statuses.some((status) => status === 401 || status === 403);
  const isAbsent = isGated || statuses.includes(404);
  const code = statuses.every((status) => status === null) ? 'offline' : isAbsent ? 'not-at-hub' : 'download-failed';
  const hint = isGated
    ? 'It asks for a login, as it does for models behind one and for names that do not exist.'
    : isAbsent
      ? 'Check the name.'
      : 'Check the network, or the proxy settings.';
  const told = answers.map(({ host, answer }) => `${host} ${answer.message}`);
  throw new LonghandError(code, `No source has ${repository}: ${told.join('; ')}. ${hint}`, {
    name: repository,
    answers: told,
    ...(isGated ? { reason: 'login' } : {}),
  });
}

/** A host that has not got what was asked for, in words; `status` is null where it did not answer. */
class Refusal extends Error {
  readonly status: number | null;
  constructor(message: string, status: number | null) {
    super(message);
    this.status = status;
  }
}

/** Address of a repository's page at the hub, for people. */
export const pageAtHub = (repository: string, env: NodeJS.ProcessEnv): string => `${hubOf(env)}/${repository}`;

const hubOf = (env: NodeJS.ProcessEnv) => env.LONGHAND_HUB ?? 'https://huggingface.co';

type Host = { base: string; list(repository: string, options: HubOptions): Promise<Listing> };

function hostsOf(env: NodeJS.ProcessEnv): Host[] {
  const hub = hubOf(env);
  const mirror = env.LONGHAND_MIRROR ?? 'https://modelscope.cn';
  return [
    { base: hub, list: (repository, options) => listHuggingFace(hub, repository, options) },
    { base: mirror, list: (repository, options) => listModelScope(mirror, repository, options) },
  ];
}

async function listHuggingFace(base: string, repository: string, options: HubOptions): Promise<Listing> {
  const signal = wholeLimit(options);
  const files: HubFile[] = [];
  let next: string | null = `${base}/api/models/${repository}/tree/main?recursive=true`;
  for (let page = 0; next !== null && page < MOST_PAGES; page++) {
    const { json, link } = await readJson(next, { ...options, signal });
    for (const { type, path, size, oid, lfs } of parse(z.array(huggingFaceFile), json)) {
      if (type !== 'file' || !isPlainPath(path)) continue;
      files.push({ path, sizeBytes: lfs?.size ?? size ?? 0, checksum: checksumOf(lfs?.oid, oid) });
    }
    next = nextPage(link, base);
  }
  const about = await readJson(`${base}/api/models/${repository}`, { ...options, signal }).catch(() => ({ json: {} }));
  const card = huggingFaceModel.safeParse(about.json).data?.cardData;
  const license = textOf(card?.license) === 'other' ? (textOf(card?.license_name) ?? 'other') : textOf(card?.license);
  const urlOf = (path: string) => `${base}/${repository}/resolve/main/${encodePath(path)}`;
  return { repository, host: new URL(base).host, page: `${base}/${repository}`, license, files, urlOf };
}

async function listModelScope(base: string, repository: string, options: HubOptions): Promise<Listing> {
  const signal = wholeLimit(options);
  const api = `${base}/api/v1/models/${repository}`;
  const { json } = await readJson(`${api}/repo/files?Revision=master&Recursive=true`, { ...options, signal });
  const files = parse(modelScopeFiles, json)
    .Data.Files.filter(({ Type, Path }) => Type !== 'tree' && isPlainPath(Path))
    .map(({ Path, Size, Sha256 }) => ({ path: Path, sizeBytes: Size, checksum: checksumOf(Sha256, null) }));
  const about = await readJson(api, { ...options, signal }).catch(() => ({ json: {} }));
  const license = textOf(modelScopeModel.safeParse(about.json).data?.Data.License);
  const urlOf = (path: string) => `${base}/models/${repository}/resolve/master/${encodePath(path)}`;
  return { repository, host: new URL(base).host, page: `${base}/models/${repository}`, license, files, urlOf };
}

/** A host that sends its answer drop by drop holds nobody up for longer than this. */
function wholeLimit({ signal, probeMs = PROBE_MS }: HubOptions): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(probeMs * LISTING_PROBES)]);
}

async function readJson(url: string, { signal, probeMs = PROBE_MS }: HubOptions) {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), probeMs);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([signal, late.signal]) });
    clearTimeout(timer);
    if (!response.ok) {
      await response.body?.cancel();
      throw new Refusal(`answered ${response.status}`, response.status);
    }
    return { json: JSON.parse(await readText(response)) as unknown, link: response.headers.get('link') };
  } catch (error) {
    if (error instanceof Refusal) throw error;
    if (error instanceof SyntaxError) throw new Refusal('answered what is no list of files', 200);
    throw new Refusal('cannot be reached', null);
  } finally {
    clearTimeout(timer);
  }
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MOST_BYTES) throw new Refusal('answered with more than a list of files', 200);
  }
  return text + decoder.decode();
}

function parse<T>(schema: z.ZodType<T>, json: unknown): T {
  const { data, success } = schema.safeParse(json);
  if (!success) throw new Refusal('answered what is no list of files', 200);
  return data;
}

/** The next page of a long listing, if it is the same host's: a link that leads elsewhere is not followed. */
function nextPage(link: string | null, base: string): string | null {
  const [, target] = /<([^>]+)>;\s*rel="next"/.exec(link ?? '') ?? [];
  if (target === undefined) return null;
  const url = new URL(target, base);
  return url.origin === new URL(base).origin ? url.href : null;
}

function checksumOf(sha256: string | null | undefined, blob: string | null | undefined): Checksum {
  if (/^[0-9a-f]{64}$/i.test(sha256 ?? '')) return { kind: 'sha256', value: sha256!.toLowerCase() };
  if (/^[0-9a-f]{40}$/i.test(blob ?? '')) return { kind: 'git-blob', value: blob!.toLowerCase() };
  return null;
}

function textOf(value: unknown): string | null {
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' && first.trim() !== '' ? first.trim().slice(0, 80).toLowerCase() : null;
}

const encodePath = (path: string) => path.split('/').map(encodeURIComponent).join('/');
