/**
 * A second turn in conversations of about 1,500 tokens: what is prefilled, and whether the greedy answer is that of a
 * cold run.
 *
 *     node test/bench/follow-up.ts COMPILED_FOLDER [CONVERSATIONS]
 */
import { Model } from '../../main/engine/model.ts';
import { followUp } from '../support/answers.ts';

const [folder, conversations = '20'] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: follow-up.ts COMPILED_FOLDER [CONVERSATIONS]');
const model = await Model.load(folder, { threads: 2 });
const facts = [
  'The river rises in the hills and turns east before the old mill.',
  'Rain had fallen for nine days when the bridge gave way.',
  'Nobody in the village owned a boat large enough for the horses.',
  'The miller kept a ledger of every sack that crossed his floor.',
];
let same = 0;
for (let i = 0; i < Number(conversations); i++) {
  const story = Array.from({ length: 90 }, (_, line) => `${line + 1}. ${facts[(line * (i + 3)) % facts.length]}`).join(
    ' ',
  );
  const result = await followUp(model, `${story}\nSummarise this, variant ${i}.`, 'And what about the miller?', 48);
  if (result.sameAsCold) same++;
  console.log(JSON.stringify(result));
}
console.log(`${same} of ${conversations} answers are those of a cold run`);
