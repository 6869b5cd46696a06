import type { ShownFolder } from '../../main/contract/folder.ts';
import type { Bridge } from '../../main/contract/bridge.ts';
import { isErrorCode, LonghandError } from '../../main/contract/errors.ts';
import type { GivenFolder } from './dropped.ts';

export type PassOptions = {
  signal: AbortSignal;
  onProgress(done: number, total: number): void;
  /** A UUID: files of one group come to lie in one folder. */
  group?: string | undefined;
};

/** How a file of the user's comes to the assistant, which takes a path. */
export type FileDoor = {
  /** The system's own dialog, where the shell has one; null stands for the browser's, which gives `File`s. */
  choose: (() => Promise<string[]>) | null;
  /** The same for documents. */
  chooseDocuments: (() => Promise<string[]>) | null;
  /**
   * The path of a file that was dropped or chosen. In the browser shell the file is copied to the assistant first.
   * @throws LonghandError as the assistant answers (`disk-full`, …), or `signal.reason`
   */
  pathOf(file: File, options: PassOptions): Promise<string>;
};

/** The door of this shell: Electron tells where a file lies; a browser does not, and hands its content over. */
export function fileDoor(page: { longhand?: Bridge; sessionStorage: Storage }): FileDoor {
  const bridge = page.longhand;
  if (bridge) {
    return {
      choose: () => bridge.chooseCheckpoint(),
      chooseDocuments: () => bridge.chooseDocuments(),
      pathOf: (file) => bridge.pathForFile(file),
    };
  }
  const token = page.sessionStorage.getItem('token') ?? '';
  return { choose: null, chooseDocuments: null, pathOf: (file, options) => upload(file, token, options) };
}

/** The system's dialog for a folder; null where the shell has none. */
export const folderDialog = ({ longhand }: { longhand?: Bridge }) =>
  longhand === undefined ? null : () => longhand.chooseFolder();

/** How a folder of the user's comes to the assistant, which watches a path. */
export type FolderDoor = {
  /** The system's own dialog, where the shell has one; null stands for the browser's. */
  choose: (() => Promise<string | null>) | null;
  /**
   * The path of a folder that was dropped or chosen. In the browser shell it is looked for on this machine, or known by its files
   * at the path that the user says. @throws LonghandError `not-found` where it lies elsewhere
   */
  pathOf(folder: GivenFolder, said?: string): Promise<string>;
};

export function folderDoor(page: { longhand?: Bridge; sessionStorage: Storage }): FolderDoor {
  const bridge = page.longhand;
  const pathOf = async ({ file, show }: GivenFolder, said?: string) => {
    if (bridge && file !== null) return bridge.pathForFile(file);
    return recognise({ ...(await show()), path: said ?? null }, page.sessionStorage.getItem('token') ?? '');
  };
  return { choose: folderDialog(page), pathOf };
}

async function recognise(folder: ShownFolder, token: string): Promise<string> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const body = JSON.stringify(folder);
  const reply = await fetch('folder', { method: 'PUT', headers, body }).catch((error: Error) => {
    throw new LonghandError('assistant-stopped', 'The folder could not be shown.', {}, { cause: error });
  });
  const answer = parse(await reply.text());
  if (reply.status === 200 && typeof answer.path === 'string') return answer.path;
  if (reply.status === 200) throw new LonghandError('not-found', `The folder ${folder.name} was not found.`);
  throw refusal(reply.status, answer);
}

/** A request of the old kind: `fetch` tells nothing of how much has been sent. */
function upload(file: File, token: string, { signal, onProgress, group }: PassOptions): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const request = new XMLHttpRequest();
  request.open('PUT', `upload/${encodeURIComponent(file.name)}${group === undefined ? '' : `?group=${group}`}`);
  request.setRequestHeader('authorization', `Bearer ${token}`);
  request.responseType = 'text';
  request.upload.onprogress = ({ loaded }) => onProgress(loaded, file.size);
  request.onload = () => {
    const answer = parse(request.responseText);
    if (request.status === 200 && typeof answer.path === 'string') resolve(answer.path);
    else reject(refusal(request.status, answer));
  };
  request.onerror = () => reject(new LonghandError('assistant-stopped', 'The upload broke off.'));
  request.onabort = () => reject(signal.reason as Error);
  signal.addEventListener('abort', () => request.abort(), { once: true });
  request.send(file);
  return promise;
}

function refusal(status: number, answer: Record<string, unknown>): LonghandError {
  const code = isErrorCode(answer.code) ? answer.code : status === 401 ? 'unauthorised' : 'internal';
  const details = typeof answer.details === 'object' && answer.details !== null ? answer.details : {};
  return new LonghandError(
    code,
    typeof answer.message === 'string' ? answer.message : `The upload was answered with ${status}.`,
    { ...details },
  );
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
