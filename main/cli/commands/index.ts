import { ask } from './ask.ts';
import { bench } from './bench.ts';
import { chat } from './chat.ts';
import { data } from './data.ts';
import { doctor } from './doctor.ts';
import { models } from './models.ts';
import { read } from './read.ts';

export const commands = [chat, ask, read, models, data, bench, doctor];
