import type { GenerateEvent, Sampling } from '../../contract/engine.ts';
import { LonghandError, type StoredError } from '../../contract/errors.ts';
import type { ToolCall } from '../../contract/tools.ts';
import type { StoredMessage } from '../store/messages.ts';
import { CallReader, type AnswerPart } from '../tools/call-reader.ts';
import { keyOf, parseCall, type CallOutcome, type WrittenCall } from '../tools/run-call.ts';
import type { Meter } from './meter.ts';

const MOST_CALLS = 25;

export type RoundsOptions = {
  /** The answer as it is stored: whoever takes an event has stored what it says before the next is asked for. */
  reply(): StoredMessage;
  generate(reply: StoredMessage, sampling: Sampling): AsyncIterable<GenerateEvent>;
  /** Null where nothing can be called: then all that is generated is the answer's text. */
  run: ((call: WrittenCall) => Promise<CallOutcome>) | null;
  sampling: Sampling;
  meter: Meter;
};

export type RoundEvent =
  | { type: 'prefill'; done: number; total: number }
  | { type: 'text'; text: string; tokens: number[] }
  /** All calls of the answer; the last one is new where there are `tokens`, and else has its response. */
  | { type: 'calls'; calls: ToolCall[]; written?: { text: string; tokens: number[] } }
  | { type: 'end'; finishReason: FinishReason };
type FinishReason = 'stop' | 'length' | 'aborted';
/** How a round ended; null: with a call. */
type Round = { generated: number; finishReason: FinishReason | null };

/**
 * An answer in rounds: the model writes until it ends its turn or calls a tool, and is given what came of the call. A call
 * that was stopped before it had a response is run first.
 * @throws LonghandError `call-failing` with both errors | `too-many-calls`, and what `generate` and `run` throw
 */
export async function* answerInRounds(options: RoundsOptions): AsyncGenerator<RoundEvent, void> {
  const { reply, run, sampling } = options;
  const failed = new Map<string, string>();
  let left = sampling.maxTokens ?? Infinity;
  for (;;) {
    const { calls } = reply();
    const call = calls.at(-1);
    if (run !== null && call?.response === null) {
      const outcome = await run(call);
      yield { type: 'calls', calls: calls.with(-1, { ...call, ...outcome }) };
      if (outcome.error !== null) stopIfAgain(failed, call, reasonOf(outcome.error));
    }
    const round: Round =
      left > 0
        ? yield* readRound(options, { ...sampling, maxTokens: left === Infinity ? null : left })
        : { generated: 0, finishReason: 'length' };
    left -= round.generated;
    if (round.finishReason === null) continue;
    yield { type: 'end', finishReason: round.finishReason };
    return;
  }
}

/** Generates until there is a call, which is stored but not run, or the turn has ended: then with its `finishReason`. */
async function* readRound(
  { reply, generate, run, meter }: RoundsOptions,
  sampling: Sampling,
): AsyncGenerator<RoundEvent, Round> {
  const before = reply();
  const call = before.calls.at(-1);
  const said = before.text.slice(call?.at ?? 0);
  const reader = run === null ? null : new CallReader(said);
  let [generated, hasBegun, hasText] = [0, false, call === undefined || said.trim() !== ''];
  let finishReason: FinishReason = 'stop';
  const toEvent = (part: AnswerPart): RoundEvent => {
    const text = hasText || part.text.trim() === '' ? part.text : apart(before.text, part.text);
    hasText ||= text.trim() !== '';
    const { tokens } = part;
    if (part.type === 'text') return { type: 'text', text, tokens };
    return { type: 'calls', calls: withCall(reply(), { ...part, text }), written: { text, tokens } };
  };
  for await (const event of generate(before, sampling)) {
    meter.add(event);
    if (event.type === 'prefill') yield event;
    if (event.type === 'end') finishReason = event.finishReason;
    if (event.type !== 'token') continue;
    generated += event.tokens.length;
    if (reader?.isDone === true) {
      if (event.text.trim() === '') continue;
      break; // it goes on by itself, as if it knew the result
    }
    const parts: AnswerPart[] = reader === null ? [{ ...event, type: 'text' }] : reader.push(event);
    if (parts.length === 0 && !hasBegun) yield { type: 'text', text: '', tokens: [] }; // it writes what is not shown
    hasBegun = true;
    for (const part of parts) yield toEvent(part);
  }
  // What was held back of an answer that was broken off is not the beginning of anything: it is generated again.
  if (reader !== null && !reader.isDone && finishReason === 'stop') {
    for (const part of reader.finish()) yield toEvent(part);
  }
  const hasCall = reader?.isDone === true && finishReason !== 'aborted';
  return { generated, finishReason: hasCall ? null : finishReason };
}

/** The calls of an answer with one that was written behind `text`. @throws LonghandError `too-many-calls` */
function withCall(
  answer: StoredMessage,
  { text, written, tokens }: { text: string; written: string; tokens: readonly number[] },
): ToolCall[] {
  if (answer.calls.length >= MOST_CALLS) {
    const message = `The model made ${MOST_CALLS} calls without an answer.`;
    throw new LonghandError('too-many-calls', message, { calls: MOST_CALLS });
  }
  const place = { at: answer.text.length + text.length, tokens: (answer.tokens?.length ?? 0) + tokens.length };
  const call = { ...parseCall(written), ...place, response: null, error: null, table: null, documentIds: [] };
  return [...answer.calls, call];
}

/** `text` as a paragraph of its own behind what was said before a call. */
function apart(before: string, text: string): string {
  if (before.trim() === '') return text.trimStart();
  const breaks = /\n*$/u.exec(before)![0].length;
  return '\n'.repeat(Math.max(0, 2 - breaks)) + text.trimStart();
}

/** SQLite's own words, where it is a query that failed. */
const reasonOf = ({ message, details }: StoredError) =>
  typeof details['reason'] === 'string' ? details['reason'] : message;

/** The second failure of a call ends the answer: the model would go on so. */
function stopIfAgain(failed: Map<string, string>, call: WrittenCall, error: string): void {
  const first = failed.get(keyOf(call));
  failed.set(keyOf(call), error);
  if (first === undefined) return;
  const errors = [first, error];
  throw new LonghandError('call-failing', `The same call failed twice: ${errors.join(' / ')}`, { errors });
}
