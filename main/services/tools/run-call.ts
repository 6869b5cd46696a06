import { LonghandError, toStoredError } from '../../contract/errors.ts';
import type { ToolCall } from '../../contract/tools.ts';
import { tools } from './index.ts';
import type { ToolContext } from './tool.ts';

/** A call as it was written, before it is run. */
export type WrittenCall = Pick<ToolCall, 'written' | 'name' | 'input'>;
/** What came of it. */
export type CallOutcome = Pick<ToolCall, 'response' | 'error' | 'table' | 'documentIds'>;

/** What JSON between the marks of a call says; null in both where that is no call. */
export function parseCall(written: string): WrittenCall {
  const call = asObject(parseJson(written));
  const { name } = call ?? {};
  // Some models write the arguments as a string of JSON.
  const given = call?.['arguments'] ?? call?.['parameters'];
  const input = asObject(typeof given === 'string' ? parseJson(given) : given);
  if (typeof name !== 'string' || input === null) return { written, name: null, input: null };
  return { written, name, input: input as ToolCall['input'] };
}

/** Tells calls apart as far as it matters for whether one is made again; all that can't be read are one. */
export const keyOf = ({ name, input }: WrittenCall): string => JSON.stringify([name, input]);

/**
 * Runs a call. Whatever is wrong with it becomes what the model is told, so that it can do better.
 * @throws `signal.reason` only
 */
export async function runCall(
  { name, input }: WrittenCall,
  context: ToolContext,
  signal: AbortSignal,
): Promise<CallOutcome> {
  try {
    if (name === null || input === null) {
      const message = 'The call is not JSON such as {"name": "...", "arguments": {...}}.';
      throw new LonghandError('call-unreadable', message);
    }
    const offered = tools.filter((tool) => tool.isOffered(context));
    const tool = offered.find((one) => one.name === name);
    if (tool === undefined) {
      const known = offered.map((one) => one.name).join(', ');
      throw new LonghandError('call-unreadable', `There is no tool ${name}. There is: ${known}.`);
    }
    const checked = tool.input.safeParse(input);
    if (!checked.success) {
      const [issue] = checked.error.issues;
      throw new LonghandError('call-unreadable', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'is wrong'}`);
    }
    const { response, table = null, documentIds = [] } = await tool.run(checked.data, context, signal);
    return { response: harmless(response), table, error: null, documentIds: [...documentIds] };
  } catch (error) {
    signal.throwIfAborted();
    const stored = toStoredError(error);
    return { response: harmless(`Error: ${stored.message}`), table: null, error: stored, documentIds: [] };
  }
}

/** Nothing that was found can end what it stands in, or be taken for a call. */
const harmless = (text: string) => text.replace(/<(\/?tool_)/gi, '< $1');

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}

function asObject(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}
