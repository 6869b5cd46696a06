import { ask } from './ask.ts';
import { bench } from './bench.ts';
import { chat } from './chat.ts';
import { doctor } from './doctor.ts';
import { models } from './models.ts';

export const commands = [chat, ask, models, bench, doctor];
