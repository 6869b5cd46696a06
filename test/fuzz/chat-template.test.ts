import { expect, it } from 'vitest';
import { CheckpointError } from '../../native-models/checkpoint/errors.ts';
import { renderChat, type ChatMessage } from '../../native-models/text/chat-template.ts';
import { mulberry32 } from '../support/tiny-checkpoint.ts';

const CASES = 1500;

const statements = [
  '{% for m in messages %}',
  '{% for i in range(1000) %}',
  '{% for x in s %}',
  '{% endfor %}',
  '{% if true %}',
  '{% elif x %}',
  '{% else %}',
  '{% endif %}',
  '{% set s = s ~ s %}',
  '{% set s = "aaaaaaaaaaaaaaaa" %}',
  '{% set ns = namespace(v="a") %}',
  '{% set ns.v = ns.v ~ ns.v %}',
  '{% set ns.v = [ns.v, ns.v] %}',
  '{% set s = [s, s] %}',
  '{% macro f(x) %}',
  '{% endmacro %}',
  '{% break %}',
  '{{ m.content }}',
  '{{ m.content | trim }}',
  '{{ messages | tojson }}',
  '{{ s | tojson(indent=900) }}',
  '{{ s.replace("a", s) }}',
  '{{ s | join(s) }}',
  '{{ f(s) }}',
  '{{ ns.v }}',
  '{{ range(9999999) }}',
  '{{ messages[0]["content"][1:3] }}',
  '{{ raise_exception("no") }}',
  '{#',
  '#}',
  '{{',
  '%}',
  'text',
  '\n',
];

it(`survives ${CASES} templates of random parts: text or a CheckpointError, each within seconds`, () => {
  const random = mulberry32(42);
  const messages: ChatMessage[] = [
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'two' },
  ];
  let rendered = 0;
  let slowestMs = 0;
  for (let i = 0; i < CASES; i++) {
    const count = 1 + Math.floor(random() * 16);
    const template = Array.from({ length: count }, () => statements[Math.floor(random() * statements.length)]).join('');
    const start = performance.now();
    try {
      renderChat(`{% for m in messages %}{{ m.content }}{% endfor %}${template}`, messages);
      rendered++;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw new Error(template, { cause: error });
    }
    slowestMs = Math.max(slowestMs, performance.now() - start);
  }
  expect(rendered).toBeGreaterThan(50);
  expect(slowestMs).toBeLessThan(6000);
}, 60_000);
