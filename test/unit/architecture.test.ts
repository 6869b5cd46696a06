import { describe, expect, it } from 'vitest';
import { brokenLayers } from '../support/layers.ts';

const renderer = 'The renderer sees only the contract.';
const electron = 'Only main/shell/electron knows Electron.';
const engine = 'Only main/engine imports onnxruntime-node';
const store = 'Only main/services/store touches SQLite.';
const reader = 'Only main/reader parses documents';
const nativeModels = 'native-models is pure';
const arrows = 'contract <- native-models, engine, embedder, reader, store <- services';

const forbidden = [
  ['main/contract/knows-a-service.ts', 'main/services/chat/turn.ts', arrows],
  ['main/engine/knows-a-service.ts', 'main/services/chat/turn.ts', arrows],
  ['main/reader/knows-the-store.ts', 'main/services/store/open.ts', arrows],
  ['main/services/chat/knows-a-shell.ts', 'main/shell/browser/uses-electron.ts', arrows],
  ['main/services/chat/opens-a-database.ts', 'better-sqlite3', store],
  ['main/services/chat/opens-a-database.ts', 'node:sqlite', store],
  ['main/services/chat/parses-a-document.ts', 'pdfjs-dist', reader],
  ['main/services/chat/reaches-into-the-engine.ts', 'main/engine/session.ts', engine],
  ['main/services/chat/runs-a-model.ts', 'koffi', engine],
  ['main/services/chat/runs-a-model.ts', 'onnxruntime-node', engine],
  ['main/services/store/knows-a-service.ts', 'main/services/chat/turn.ts', arrows],
  ['main/shell/browser/uses-electron.ts', 'electron', electron],
  ['native-models/knows-the-contract.ts', 'main/contract/errors.ts', nativeModels],
  ['native-models/opens-a-socket.ts', 'net', nativeModels],
  ['renderer/components/KnowsTheStore.svelte', 'main/services/store/open.ts', renderer],
  ['renderer/state/knows-a-service.svelte.ts', 'main/services/chat/turn.ts', renderer],
  ['renderer/state/reads-files.ts', 'fs', renderer],
] as const;

describe('the layers of the program', () => {
  it('hold: every import follows an arrow of the map', async () => {
    expect(await brokenLayers('.')).toEqual([]);
  });

  it('are watched: in a tree that breaks each of them, exactly the forbidden imports are found', async () => {
    const found = await brokenLayers('test/fixtures/architecture');
    expect(found.map((line) => line.split(': ')[0])).toEqual(forbidden.map(([from, to]) => `${from} imports ${to}`));
  });

  it.each(forbidden)('name the sentence that %s breaks by importing %s', async (from, to, sentence) => {
    const found = await brokenLayers('test/fixtures/architecture');
    expect(found).toContainEqual(expect.stringContaining(`${from} imports ${to}: ${sentence}`));
  });
});
