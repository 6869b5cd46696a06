import type { ContractRouterClient } from '@orpc/contract';
import { chat } from './chat.ts';
import { documents } from './documents.ts';
import { embedder } from './embedder.ts';
import { engine } from './engine.ts';
import { jobs } from './jobs.ts';
import { models } from './models.ts';
import { reader } from './reader.ts';
import { shell } from './shell.ts';
import { system } from './system.ts';

/** What the assistant offers to the renderer, the command line and the tests. */
export const contract = { chat, documents, jobs, models, system };
export const embedderContract = embedder;
export const engineContract = engine;
export const readerContract = reader;
export const shellContract = shell;

export type LonghandClient = ContractRouterClient<typeof contract>;
export type EmbedderClient = ContractRouterClient<typeof embedderContract>;
export type EngineClient = ContractRouterClient<typeof engineContract>;
export type ShellClient = ContractRouterClient<typeof shellContract>;
export type ReaderClient = ContractRouterClient<typeof readerContract>;
