import { ask } from './ask.ts';
import { bench } from './bench.ts';
import { chat } from './chat.ts';
import { compare } from './compare.ts';
import { data } from './data.ts';
import { docs } from './docs.ts';
import { doctor } from './doctor.ts';
import { models } from './models.ts';
import { read } from './read.ts';
import { summarise } from './summarise.ts';

export const commands = [chat, ask, read, summarise, compare, models, docs, data, bench, doctor];
