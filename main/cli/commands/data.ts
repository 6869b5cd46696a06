import { resolve } from 'node:path';
import { findDataFolder } from '../../shell/data-folder.ts';
import { formatBytes } from '../../shell/progress.ts';
import { defineCommand, UsageError } from '../command.ts';
import { finishJob } from '../model.ts';

export const data = defineCommand({
  name: 'data',
  usage: '[where | move DIR | clear-cache]',
  summary: 'tell where the data are, move them, or free the disk of computed conversations',
  options: {},
  fetch: 'never',
  async run({ positionals: [action = 'where', folder, ...more], connect, data: option, json, print, say, progress }) {
    if (action === 'where' && folder === undefined) {
      const path = findDataFolder(option);
      print(json ? JSON.stringify({ dataFolder: path }) : path);
      return 0;
    }
    if (action === 'clear-cache' && folder === undefined) {
      const connection = await connect();
      const { freedBytes } = await connection.run((client) => client.system.clearCache());
      print(json ? JSON.stringify({ freedBytes }) : `${formatBytes(freedBytes)} are free again.`);
      return 0;
    }
    if (action !== 'move' || more.length > 0) throw new UsageError(`'data ${action}' is not known`);
    if (folder === undefined) throw new UsageError('data move needs the path of a folder');
    const path = resolve(folder);
    const connection = await connect();
    const { target, bytes } = await connection.run((client) => client.system.planMove({ path }));
    if (!json) say(`Moving ${formatBytes(bytes)} to ${target}. A running Longhand starts again there.`);
    const job = await connection.run((client) => client.system.moveData({ path }));
    await finishJob(connection, job, progress);
    print(json ? JSON.stringify({ dataFolder: target }) : `The data are in ${target} now.`);
    return 0;
  },
});
