import { isDear } from '../../main/contract/dear.ts';
import type { Intake as Price } from '../../main/contract/documents.ts';
import { MOST_WATCHED } from '../../main/contract/folder-rule.ts';
import type { Connection } from '../app/connection.ts';
import type { Lane } from './session.svelte.ts';

/** What is to be taken in: files that a page holds, or paths, such as that of a folder that is called `name`. */
export type Coming = { files?: readonly File[]; paths?: readonly string[]; name?: string };

/** Files whose sizes are asked for in one task: the page waits some 0.2 ms for each. */
const AT_ONCE = 50;

/** Before files are taken in: what that takes, with a yes to what takes long, or much of the disk. */
export class Intake {
  /** Waits for an answer. */
  asked = $state.raw<{ lane: Lane; name: string | null; price: Price; answer: (isWanted: boolean) => void } | null>(
    null,
  );
  /** One question after the other. */
  #last: Promise<unknown> = Promise.resolve();
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Whether it is to be taken in: at once where that is cheap, else as the user says. @throws LonghandError */
  wanted = (lane: Lane, coming: Coming): Promise<boolean> => {
    const answer = this.#last.then(() => this.#ask(lane, coming));
    this.#last = answer.catch(() => {});
    return answer;
  };

  async #ask(lane: Lane, { files = [], paths = [], name }: Coming): Promise<boolean> {
    const request = { files: await sizesOf(files), paths: [...paths] };
    const price = await this.#connection.call((client) => client.documents.estimate(request));
    // Of what will be refused, nothing has to be asked.
    if (!isDear(price) || (lane === 'watch' && price.files > MOST_WATCHED)) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const answer = (isWanted: boolean) => {
      this.asked = null;
      resolve(isWanted);
    };
    this.asked = { lane, name: name ?? (price.files === 1 ? (files[0]?.name ?? null) : null), price, answer };
    return promise;
  }
}

async function sizesOf(files: readonly File[]): Promise<{ name: string; sizeBytes: number }[]> {
  const sizes: { name: string; sizeBytes: number }[] = [];
  for (const { name, size } of files) {
    sizes.push({ name, sizeBytes: size });
    if (sizes.length % AT_ONCE === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  return sizes;
}
