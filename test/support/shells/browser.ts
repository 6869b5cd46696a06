import { openSocketPort } from '../../../main/shell/socket-port.ts';
import { runScript } from '../run.ts';
import { dropFile, overPorts, type App, type Start } from './app.ts';

export async function startBrowserShell({ dataFolder, model }: Start): Promise<App> {
  const args = ['--headless', '--json', '--no-fetch', '--data', dataFolder];
  const shell = runScript('scripts/start.mjs', args, model === null ? {} : { LONGHAND_MODEL: model });
  const [, ready = ''] = await shell.says(/^(\{"event":"ready".*\})$/m);
  const { url, address, token } = JSON.parse(ready) as Record<'url' | 'address' | 'token', string>;
  return {
    ...overPorts(() => openSocketPort(address, token)),
    async show(spare) {
      await spare.goto(url);
      return spare;
    },
    dropFile,
    async chooseFiles(ui, paths, ask) {
      const choosing = ui.waitForEvent('filechooser');
      await ask();
      await (await choosing).setFiles(paths);
    },
    async stop() {
      shell.child.kill('SIGTERM');
      await shell.ended;
    },
  };
}
