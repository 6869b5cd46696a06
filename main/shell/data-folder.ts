import { accessSync, constants, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { followMoves } from '../services/data/place.ts';
import { LonghandError } from '../contract/errors.ts';

type Machine = { platform: NodeJS.Platform; env: NodeJS.ProcessEnv; home: string };

const thisMachine = (): Machine => ({ platform: process.platform, env: process.env, home: homedir() });

/** The folder that holds everything of the user's: `--data`, then LONGHAND_DATA, then the platform's usual place. */
export function dataFolderPath(option: string | undefined, { platform, env, home } = thisMachine()): string {
  const chosen = option ?? env.LONGHAND_DATA;
  if (chosen) return resolve(chosen);
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Longhand');
  if (platform === 'win32') return join(env.APPDATA ?? join(home, 'AppData', 'Roaming'), 'Longhand');
  // The XDG specification has a relative path ignored.
  const share = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(home, '.local', 'share');
  return join(share, 'Longhand');
}

/** The folder that a start with this `--data` uses: the one above, or where it was moved to. @throws as `followMoves` */
export const findDataFolder = (option: string | undefined): string => followMoves(dataFolderPath(option));

/**
 * Makes sure that the folder is there, readable by its owner only where it is new, and can be written.
 * @throws LonghandError `data-folder-unusable`
 */
export function ensureDataFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new LonghandError(
      'data-folder-unusable',
      `The data folder ${folder} cannot be used (${reason}). Make it writable, or name another with --data.`,
      { path: folder, reason },
      { cause: error },
    );
  }
}
