// npm run longhand -- COMMAND: the command line as a program.
import { runAsProgram } from './program.ts';

await runAsProgram();
