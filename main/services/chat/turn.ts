import type { Message } from '../../contract/chat.ts';
import type { SamplingChanges } from '../../contract/engine.ts';
import { LonghandError, toStoredError } from '../../contract/errors.ts';
import { conversationOwner } from '../../contract/owner.ts';
import { isEngineLoss, type Engine } from '../../engine/client.ts';
import type { Ask } from '../ask/ask.ts';
import type { AnsweringModel, Models } from '../models/models.ts';
import type { Ending, StoredMessage } from '../store/messages.ts';
import type { Store } from '../store/open.ts';
import { titleFrom } from '../store/title.ts';
import { tablesTold } from '../ask/table-text.ts';
import type { TableQueries } from '../store/table-query-thread.ts';
import { readSettings } from '../system/settings.ts';
import { runCall } from '../tools/run-call.ts';
import type { Context } from './context.ts';
import { Meter } from './meter.ts';
import { answeredBy, countOmitted } from './prompt.ts';
import { answerInRounds } from './rounds.ts';
import { chooseSampling } from './sampling.ts';
import { openConversation, showMessage, type ConversationWatch } from './watch.ts';

export type TurnOptions = {
  store: Store;
  engine: Pick<Engine, 'generate'>;
  models: Pick<Models, 'acquire'>;
  context: Context;
  watch: ConversationWatch;
  ask: Pick<Ask, 'sourcesOf'>;
  tables: Pick<TableQueries, 'run'>;
  log(line: string): void;
};
type SendInput = { conversationId: string; text: string; parentId?: string | null; sampling?: SamplingChanges };
type Origin = Pick<Ending, 'model' | 'tokenizer' | 'omitted' | 'sampling'>;
type Run = { stop: AbortController; replyId: string | null; ended: Promise<void> };

/**
 * A turn: one message of the user's and everything done to answer it. An answer is computed whether or not anybody
 * watches, one at a time in a conversation. Each of its tokens is in the store before it is shown; so whatever ends it
 * (the user, the engine's death, our own) the text that was seen is kept, and can be gone on with.
 */
export class Turns {
  readonly #options: TurnOptions;
  readonly #runs = new Map<string, Run>(); // by conversation

  constructor(options: TurnOptions) {
    this.#options = options;
  }

  /** Saves the message and the row of its answer, and starts that. @throws LonghandError, with nothing saved */
  async send({ conversationId, text, parentId, sampling = {} }: SendInput) {
    const { store, context } = this.#options;
    if (text.trim() === '') throw new LonghandError('empty-message', 'There is nothing in the message.');
    return this.#claim(conversationId, async (run) => {
      const { leafId, title } = openConversation(store, conversationId);
      const parent = parentId === undefined ? leafId : parentId;
      const path = await context.path(conversationId, parent);
      const sources = await context.sourcesFor(conversationId, path, { question: text, signal: run.stop.signal });
      await context.checkFits(conversationId, [...path, { role: 'user', text, sources }]);
      run.stop.signal.throwIfAborted(); // deleted, or closed, in the meantime
      const isShown = this.#isShown(conversationId, parent);
      const saved = store.durably(() => {
        const user = store.messages.insert({ conversationId, parentId: parent, role: 'user', text, sources });
        store.attachments.settle(conversationId, user.id);
        if (title === '') store.conversations.rename(conversationId, titleFrom(text), 'auto');
        return { user, reply: this.#insertReply(user) };
      });
      this.#start(run, saved.reply, sampling, isShown ? [saved.user, saved.reply] : null);
      return { user: showMessage(saved.user), reply: showMessage(saved.reply) };
    });
  }

  /** A new answer beside the one given, or below the question given. */
  async regenerate({ messageId, sampling = {} }: { messageId: string; sampling?: SamplingChanges }) {
    const { store, context } = this.#options;
    const message = this.#message(messageId);
    const user = message.role === 'assistant' && message.parentId ? this.#message(message.parentId) : message;
    if (user.role !== 'user')
      throw new LonghandError('invalid-input', 'There is no question to answer.', { messageId });
    return this.#claim(user.conversationId, async (run) => {
      await context.checkFits(user.conversationId, await context.path(user.conversationId, user.id));
      run.stop.signal.throwIfAborted(); // deleted, or closed, in the meantime
      const isShown = this.#isShown(user.conversationId, user.id);
      const reply = store.durably(() => this.#insertReply(user));
      this.#start(run, reply, sampling, isShown ? [reply] : null);
      return { reply: showMessage(reply) };
    });
  }

  /** Goes on with an answer in its place, sampled as it was. Its metrics will be those of the new part. */
  async continue({ messageId }: { messageId: string }) {
    const { store, context } = this.#options;
    const { conversationId } = this.#message(messageId);
    return this.#claim(conversationId, async (run) => {
      const { state } = this.#message(messageId);
      if (!canContinue(this.#message(messageId)) || store.messages.children(messageId).length > 0) {
        const message = 'Only the last answer of a branch can be continued, and only an unfinished one.';
        throw new LonghandError('nothing-to-continue', message, { messageId, state });
      }
      await context.checkFits(conversationId, await context.path(conversationId, messageId), { continueFinal: true });
      run.stop.signal.throwIfAborted(); // deleted, or closed, in the meantime
      const isShown = openConversation(store, conversationId).leafId === messageId;
      const reply = store.durably(() => {
        if (!isShown) store.conversations.setLeaf(conversationId, messageId);
        return store.messages.startStreaming(messageId);
      });
      this.#start(run, reply, {}, isShown ? [reply] : null);
      return { reply: showMessage(reply) };
    });
  }

  /** Settles once the answer has ended; at once, when it had already. */
  async stop(messageId: string): Promise<void> {
    const run = this.#runs.get(this.#message(messageId).conversationId);
    if (run?.replyId !== messageId) return;
    run.stop.abort();
    await run.ended;
  }

  /** Ends what is being computed for a conversation, as it goes into the bin. */
  async stopConversation(conversationId: string): Promise<void> {
    const run = this.#runs.get(conversationId);
    run?.stop.abort();
    await run?.ended;
  }

  /** The app ends: what is being written becomes 'interrupted'. */
  async close(): Promise<void> {
    const reason = new LonghandError('assistant-stopped', 'Longhand was closed while it was answering.');
    const runs = [...this.#runs.values()];
    for (const run of runs) run.stop.abort(reason);
    await Promise.all(runs.map((run) => run.ended));
  }

  /** Holds the conversation from the first check on, so that of two messages at once the second is told 'busy'. */
  async #claim<T>(conversationId: string, prepare: (run: Run) => Promise<T>): Promise<T> {
    openConversation(this.#options.store, conversationId);
    if (this.#runs.has(conversationId)) {
      const message = 'An answer is being written in this conversation.';
      throw new LonghandError('conversation-busy', message, { conversationId });
    }
    const run: Run = { stop: new AbortController(), replyId: null, ended: Promise.resolve() };
    this.#runs.set(conversationId, run);
    try {
      return await prepare(run);
    } catch (error) {
      this.#runs.delete(conversationId);
      throw error;
    }
  }

  /** `news` is what comes to the shown path; null when another path is shown from now on. */
  #start(run: Run, reply: StoredMessage, changes: SamplingChanges, news: StoredMessage[] | null): void {
    const { store, watch, context } = this.#options;
    const { id, conversationId } = reply;
    context.changed();
    run.replyId = id;
    run.ended = this.#answer(reply, changes, run.stop.signal).finally(() => this.#runs.delete(conversationId));
    // A whole path may be megabytes: whoever watches has all but what is new.
    if (news === null) watch.refresh(conversationId);
    else for (const message of news) watch.publish(conversationId, { type: 'message', message: showMessage(message) });
    watch.changed(openConversation(store, conversationId));
  }

  /** Whether something below `parentId` continues, or takes the place of, what is shown. */
  #isShown(conversationId: string, parentId: string | null): boolean {
    const { messages } = this.#options.store;
    const { leafId } = openConversation(this.#options.store, conversationId);
    if (parentId === leafId || parentId === null) return true;
    return leafId !== null && messages.onPath(leafId, [parentId]).length > 0;
  }

  /** Computes the answer. Whatever happens becomes the state of the message. */
  async #answer(reply: StoredMessage, changes: SamplingChanges, signal: AbortSignal): Promise<void> {
    const { store, engine, models, context, watch, tables } = this.#options;
    const { id: messageId, conversationId } = reply;
    const meter = new Meter();
    let ending: Ending = { state: 'interrupted', error: null };
    let release = () => {};
    try {
      const lease = await models.acquire(signal); // the model may still have to be downloaded
      release = lease.release;
      const path = await context.path(conversationId, messageId);
      const origin = this.#originOf(reply, path, lease.model, changes);
      ending = { ...ending, ...origin };
      const toolContext = { tableDocuments: tablesTold(path), tables };
      const canCall = context.offered(path, lease.model).length > 0;
      const events = answerInRounds({
        reply: () => this.#message(messageId),
        generate: (message, sampling) => {
          const prompt = context.prompt(conversationId, path.with(-1, message), {
            model: lease.model,
            continueFinal: true,
          });
          return engine.generate({ prompt, sampling, owner: conversationOwner.of(conversationId) }, { signal });
        },
        run: canCall ? (call) => runCall(call, toolContext, signal) : null,
        ...{ sampling: origin.sampling, meter },
      });
      let hasBegun = false;
      for await (const event of events) {
        if (event.type === 'prefill') {
          watch.publish(conversationId, { type: 'progress', messageId, done: event.done, total: event.total });
        } else if (event.type === 'end') {
          const { finishReason } = event;
          const state = finishReason === 'aborted' ? 'stopped' : 'complete';
          ending = { ...ending, state, finishReason, metrics: meter.metrics() };
        } else {
          if (!hasBegun) this.#begin(messageId, origin);
          if (event.type === 'text')
            store.messages.appendChunk(messageId, event.text, event.tokens); // kept before it is shown
          else store.messages.setCalls(messageId, event.calls, event.written);
          if (hasBegun && event.type === 'text') context.grew(messageId, event.tokens.length);
          else context.changed(); // until now it was no part of a prompt
          hasBegun = true;
          if (event.type === 'text') watch.publish(conversationId, { type: 'delta', messageId, text: event.text });
          else watch.publish(conversationId, { type: 'message', message: showMessage(this.#message(messageId)) });
        }
      }
    } catch (error) {
      ending = { ...ending, metrics: meter.metrics(), ...endingOf(error, signal) };
    } finally {
      release();
      const sources = await this.#sourcesOf(reply, signal);
      this.#finish(reply, { ...ending, sources });
    }
  }

  /** What of the answer the documents before it bear out. An answer is not lost because that can't be told. */
  async #sourcesOf({ id, conversationId }: StoredMessage, signal: AbortSignal): Promise<Ending['sources']> {
    const { ask, context, log } = this.#options;
    if (signal.reason instanceof LonghandError) return null; // the app ends and waits for this
    try {
      return await ask.sourcesOf(await context.path(conversationId, id));
    } catch (error) {
      log(`citations of an answer could not be checked: ${toStoredError(error).message}`);
      return null;
    }
  }

  /** How the answer is made. One that goes on keeps its sampling; tokens of two vocabularies are tokens of neither. */
  #originOf(reply: StoredMessage, path: StoredMessage[], model: AnsweringModel, changes: SamplingChanges) {
    const { store } = this.#options;
    const conversation = store.conversations.get(reply.conversationId)?.sampling;
    const isNew = reply.text === '' && reply.calls.length === 0;
    return {
      model: answeredBy(isNew ? null : reply.model, model.name),
      tokenizer: isNew || reply.tokenizer === model.tokenizer ? model.tokenizer : null,
      omitted: countOmitted(path),
      sampling: reply.sampling ?? chooseSampling(changes, readSettings(store), { conversation, model: model.sampling }),
    };
  }

  /** The first token: from here on, a crash leaves an interrupted answer that knows how it was made. */
  #begin(id: string, origin: Origin): void {
    const { store, watch } = this.#options;
    const message = store.durably(() => {
      store.messages.finish(id, { state: 'interrupted', ...origin });
      return store.messages.startStreaming(id);
    });
    watch.publish(message.conversationId, { type: 'message', message: showMessage(message) });
  }

  #finish(reply: StoredMessage, ending: Ending): void {
    const { store, watch, context, log } = this.#options;
    const { id, conversationId } = reply;
    let message: Message;
    context.changed();
    try {
      message = showMessage(store.messages.finish(id, ending));
    } catch (error) {
      // A full disk, most likely. What was shown is in the store, which will call it interrupted at the next start.
      const stored = toStoredError(error);
      log(`the end of an answer could not be stored: ${stored.message}`);
      message = { ...showMessage(store.messages.get(id) ?? reply), state: 'interrupted', error: stored };
    }
    watch.publish(conversationId, { type: 'message', message });
    const conversation = store.conversations.get(conversationId);
    if (conversation) watch.changed(conversation);
  }

  /** The row of an answer to `user`, which becomes the shown leaf. */
  #insertReply({ conversationId, id: parentId }: StoredMessage): StoredMessage {
    const { messages, conversations } = this.#options.store;
    const reply = messages.insert({ conversationId, parentId, role: 'assistant', state: 'waiting' });
    conversations.setLeaf(conversationId, reply.id);
    return reply;
  }

  #message(id: string): StoredMessage {
    const message = this.#options.store.messages.get(id);
    if (message === null) throw new LonghandError('not-found', `There is no message ${id}.`, { id });
    return message;
  }
}

function canContinue({ role, state, finishReason }: StoredMessage): boolean {
  if (role !== 'assistant') return false;
  return state === 'stopped' || state === 'interrupted' || state === 'failed' || finishReason === 'length';
}

/** Aborted without a reason of ours means that the user stopped it, which is no error. */
function endingOf(error: unknown, signal: AbortSignal): Ending {
  if (!signal.aborted) {
    return {
      state: isEngineLoss(error) ? 'interrupted' : 'failed',
      finishReason: 'error',
      error: toStoredError(error),
    };
  }
  if (!(signal.reason instanceof LonghandError)) return { state: 'stopped', finishReason: 'aborted' };
  return { state: 'interrupted', finishReason: 'error', error: toStoredError(signal.reason) };
}
