import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { extract } from '../../main/reader/documents/extract.ts';
import { PassageCutter } from '../../main/services/documents/passages.ts';
import type { Store } from '../../main/services/store/open.ts';

/** Freely licensed books of Debian's (GPL-2+ and CC-BY-SA-3.0), in English and in Chinese, and one in the public domain. */
const PACKAGES = ['debian-reference-en', 'debian-reference-zh-cn', 'debian-handbook'];
const NOVEL = 'resources/alice.txt';

/** Fetches the packages with apt, which knows their digests, and unpacks them into `folder`; once. @returns the files to read */
export function fetchCorpus(folder: string): string[] {
  const root = join(folder, 'root');
  if (!existsSync(root)) {
    mkdirSync(root, { recursive: true });
    execFileSync('apt-get', ['download', ...PACKAGES], { cwd: folder, stdio: 'inherit' });
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.deb'))) {
      execFileSync('dpkg-deb', ['-x', join(folder, name), root]);
    }
  }
  const pages = (path: string, pattern: RegExp) =>
    readdirSync(join(root, path))
      .filter((name) => pattern.test(name))
      .toSorted()
      .map((name) => join(root, path, name));
  return [
    ...pages('usr/share/debian-reference', /^(ch\d+|pr\d+|apa)\.(en|zh-cn)\.html$/),
    ...['en-US', 'zh-CN'].flatMap((language) => pages(`usr/share/doc/debian-handbook/html/${language}`, /\.html$/)),
    NOVEL,
  ];
}

/** Reads a file as the app does, and stores its parts and passages. @returns its content's number */
export async function addFile(store: Store, path: string, number: number): Promise<number> {
  const hash = number.toString(16).padStart(64, '0');
  const name = path.includes('/zh-CN/') ? `zh-CN ${basename(path)}` : basename(path);
  const { contentId } = store.documents.add({ hash, sizeBytes: 0, name, origin: null });
  const cutter = new PassageCutter();
  let parts = 0;
  for await (const event of extract({ path, name })) {
    if (event.type === 'about') store.documents.setAbout(contentId, event);
    if (event.type === 'part') store.documents.addPart(contentId, parts++, event.part, cutter.cut(event.part));
    if (event.type === 'end') store.documents.finish(contentId, event);
  }
  return contentId;
}
