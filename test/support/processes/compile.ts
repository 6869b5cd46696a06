// Compiles a checkpoint in a process of its own, for tests that kill it: compile.ts PATH FOLDER RECIPE [THREADS]
// It prints "DONE/TOTAL" of the weights at each progress.
import { openPackThreads } from '../../../main/reader/pack-thread.ts';
import { isThread } from '../../../main/contract/thread.ts';
import { compile } from '../../../native-models/compile.ts';
import { recipes, type Recipe } from '../../../native-models/quantize/packed.ts';

const [path = '', folder = '', recipe = '', threads = '0'] = process.argv.slice(2);
const isRecipe = (name: string): name is Recipe => (recipes as readonly string[]).includes(name);
if (!isThread) {
  if (!isRecipe(recipe)) throw new Error(`no recipe ${recipe}`);
  const count = Number(threads);
  await compile(path, folder, {
    name: 'model',
    recipe,
    recordBytes: 1,
    ...(count > 0 && { openPackers: (what) => openPackThreads(what, count) }),
    onProgress: ({ stage, done, total }) => stage === 'weights' && process.stdout.write(`${done}/${total}\n`),
  });
}
