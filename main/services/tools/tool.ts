import { z } from 'zod';
import type { TableResult } from '../../contract/tools.ts';
import type { NamedTables, TableQueries } from '../store/table-query-thread.ts';

/** What the model is told of a call, what the window shows of it beside, and whose tables it read. */
export type ToolOutcome = { response: string; table?: TableResult; documentIds?: readonly string[] };

/** What a tool works with: of the conversation, and of the app. */
export type ToolContext = {
  /** What tables the model was told of, in the order in which it was. */
  tableDocuments: readonly NamedTables[];
  tables: Pick<TableQueries, 'run'>;
};

/** Something that the model can call: one file, and a line in `index.ts`. */
export type Tool<Input extends Record<string, unknown> = Record<string, unknown>> = {
  name: string;
  /** Said to the model. */
  description: string;
  input: z.ZodType<Input>;
  /** Whether the model of this conversation may call it. Once true, it stays so while the conversation only grows. */
  isOffered(context: Pick<ToolContext, 'tableDocuments'>): boolean;
  /** @throws LonghandError whose message the model is told */
  run(input: Input, context: ToolContext, signal: AbortSignal): Promise<ToolOutcome>;
};

export function defineTool<Input extends Record<string, unknown>>(tool: Tool<Input>): Tool {
  const run: Tool['run'] = (input, context, signal) => tool.run(tool.input.parse(input), context, signal);
  return { ...tool, run };
}

/** A tool as chat templates expect it. */
export function definitionOf({ name, description, input }: Tool): JSONValue {
  const { $schema: _, ...parameters } = z.toJSONSchema(input) as Record<string, JSONValue>;
  return { type: 'function', function: { name, description, parameters } };
}

type JSONValue = z.infer<ReturnType<typeof z.json>>;
