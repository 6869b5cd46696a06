// The command line with stand-ins for its processes.
import { fileURLToPath } from 'node:url';
import { runAsProgram } from '../../../main/cli/program.ts';

const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));
await runAsProgram({ assistant: file('assistant.ts'), engine: file('engine.ts'), reader: file('engine.ts') });
