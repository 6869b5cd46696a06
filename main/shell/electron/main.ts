/** Longhand in Electron: windows, the processes behind them, and nothing else. Messages pass this process by. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { app, BrowserWindow, Menu, session } from 'electron';
import type { Language } from '../../contract/common.ts';
import { ChosenPaths } from '../chosen-paths.ts';
import { removeOldProfiles } from '../../services/data/place.ts';
import { ensureDataFolder, findDataFolder } from '../data-folder.ts';
import { processLaunches } from '../launches.ts';
import { isFatalLine, Supervisor } from '../supervisor.ts';
import { Assistant } from './assistant.ts';
import { guardAllContents, guardSession } from './guard.ts';
import { menuTemplate } from './menu.ts';
import { checkNatives, type Natives } from './natives.ts';
import { electronPlatform } from './platform.ts';
import { answerRequests } from './requests.ts';
import { registerScheme, serveScheme } from './scheme.ts';
import { openWindow } from './window.ts';
import { wordsFor, wordsOf } from './words.ts';

// All bundles lie beside this one.
const built = (file: string) => fileURLToPath(new URL(file, import.meta.url));
const say = (line: string) => void process.stderr.write(`${line}\n`);

for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {}); // whoever read them has gone

// Chromium adds switches of its own to what the user typed.
const { values } = parseArgs({
  args: process.argv.slice(1),
  strict: false,
  options: { data: { type: 'string' }, 'no-fetch': { type: 'boolean' } },
});
const option = typeof values.data === 'string' ? values.data : undefined;
let spoken = wordsFor(app.getPreferredSystemLanguages()); // until the page says what the user chose
const words = () => spoken;
const chosen = new ChosenPaths();
const assistant = new Assistant(() => {
  if (app.isPackaged) checkPackage();
  const dataFolder = findDataFolder(option);
  ensureDataFolder(dataFolder);
  return new Supervisor({
    say,
    isChosen: (path) => chosen.has(path),
    onMoved: () => {
      app.relaunch(); // the window keeps things in the old folder for as long as it is there
      app.quit();
    },
    platform: electronPlatform(({ role }, line) => isFatalLine(line) || say(`[${role}] ${line}`)),
    launches: processLaunches({
      dataFolder,
      fetch: values['no-fetch'] === true ? 'never' : 'starter',
      files: {
        assistant: built('assistant.js'),
        engine: built('engine.js'),
        reader: built('reader.js'),
        embedder: built('embedder.js'),
      },
    }),
  });
});

try {
  const dataFolder = findDataFolder(option);
  ensureDataFolder(dataFolder);
  app.setPath('userData', join(dataFolder, 'electron')); // one instance a data folder, and nothing outside of it
  removeOldProfiles(dataFolder);
} catch {
  // The assistant meets the same, and the window says it.
}
app.enableSandbox();
registerScheme();
if (app.requestSingleInstanceLock()) void app.whenReady().then(run);
else app.quit(); // the one that runs shows its window

function run(): void {
  guardSession(session.defaultSession);
  guardAllContents(words, (contents) => BrowserWindow.fromWebContents(contents));
  serveScheme(built('../renderer'));
  answerRequests({
    words,
    windowOf: ({ sender }) => BrowserWindow.fromWebContents(sender),
    connectPage: () => assistant.connectPage(),
    chosen,
    restart: () => void assistant.restart(),
    speak,
  });
  showMenu();
  assistant.start();
  showWindow();
  app.on('second-instance', showWindow);
  app.on('activate', showWindow);
}

/** Before any process loads one of them. */
function checkPackage(): void {
  const natives = JSON.parse(readFileSync(built('natives.json'), 'utf8')) as Natives;
  checkNatives(natives, join(process.resourcesPath, 'app.asar.unpacked', 'node_modules'));
}

function speak(language: Language): void {
  if (spoken === wordsOf[language]) return;
  spoken = wordsOf[language];
  showMenu();
}

function showMenu(): void {
  const { platform } = process;
  Menu.setApplicationMenu(
    Menu.buildFromTemplate(menuTemplate({ platform, isPackaged: app.isPackaged, words: spoken })),
  );
}

/** Brings the window to the front, or opens one where it was closed. */
function showWindow(): void {
  const [window] = BrowserWindow.getAllWindows();
  if (window === undefined) {
    openWindow({
      preload: built('preload.cjs'),
      words,
      onShown: () => void process.stdout.write('Longhand is ready\n'),
    });
    return;
  }
  if (window.isMinimized()) window.restore();
  window.show();
  window.focus();
}

app.on('window-all-closed', () => {
  if (process.platform !== 'darwin') app.quit(); // there an application outlives its windows
});

let hasStopped = false;
app.on('will-quit', (event) => {
  if (hasStopped) return;
  event.preventDefault(); // the windows are gone; the assistant still has a database to close
  void assistant.stop().finally(() => {
    hasStopped = true;
    app.quit();
  });
});
