import type { Message } from '../../main/contract/chat.ts';

export type AnswerEvent = 'started' | 'finished' | 'stopped' | 'interrupted' | 'failed';

/** What became of an answer that is written no more. */
export function endOf({ state }: Message): AnswerEvent {
  if (state === 'stopped' || state === 'interrupted' || state === 'failed') return state;
  return 'finished';
}

/** True of an answer that ended before its own end. */
export function canContinue({ state, finishReason, text, calls }: Message): boolean {
  if (state === 'stopped' || state === 'interrupted') return true;
  return (state === 'failed' && (text !== '' || calls.length > 0)) || finishReason === 'length';
}

/** The version before or after this one of the same message; null where there is none. */
export function siblingOf(message: Message, step: 1 | -1): string | null {
  const place = message.siblings.indexOf(message.id);
  return (place === -1 ? null : message.siblings[place + step]) ?? null;
}
