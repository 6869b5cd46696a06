import { renderChat, type ChatMessage } from './chat-template.ts';

/** JSON between `<tool_call>` and `</tool_call>`, results in a `<tool_response>`: Qwen2.5, Hermes and others. */
export type ToolFormat = 'hermes';

/**
 * How the model of this chat template is told to call tools; null where the template has no place for them, or has them
 * called in a way that we don't read. The template is asked, not its name.
 */
export function toolFormatOf(template: string | null): ToolFormat | null {
  if (template === null) return null;
  const probe = 'longhand_probe';
  const tool = { type: 'function', function: { name: probe, description: probe, parameters: { type: 'object' } } };
  const messages: ChatMessage[] = [
    { role: 'user', content: 'x' },
    { role: 'assistant', content: '', toolCalls: [{ name: probe, arguments: {} }] },
    { role: 'tool', content: 'x' },
  ];
  try {
    const pieces = renderChat(template, messages, { tools: [tool], addGenerationPrompt: true });
    const text = pieces.map((piece) => ('text' in piece ? piece.text : '')).join('');
    const parts = [`"name": "${probe}", "description"`, `<tool_call>\n{"name": "${probe}"`, '<tool_response>'];
    return parts.every((part) => text.includes(part)) ? 'hermes' : null;
  } catch {
    return null; // it refuses tools; whatever else it is, the first message will tell
  }
}
