import type { ContextMethod } from '../../../main/contract/engine.ts';

const readings: Record<ContextMethod, string> = {
  dca: 'read in chunks',
  yarn: 'read with stretched positions (YaRN)',
  'dca+yarn': 'read in chunks with stretched positions',
  plain: 'read as if it were short',
};

/** Words for how long a context a model reads, how it is kept, and what the self-test found. */
export const enContext = {
  title: 'Context',
  text: 'A longer context than the model was made for is read in chunks. Changing this loads the model again; nothing is lost.',
  length: 'Length',
  trained: (tokens: string) => `${tokens} tokens, as made`,
  option: (tokens: string, bytes: string) => `${tokens} tokens, ${bytes} when full`,
  tooLarge: (tokens: string) => `${tokens} tokens: too large here`,
  method: 'Beyond what it was made for',
  methods: {
    dca: 'In chunks',
    yarn: 'Stretched (YaRN)',
    'dca+yarn': 'In chunks, stretched',
    plain: 'As if it were short',
  },
  kv: 'Form of the cache',
  kvTypes: {
    auto: 'Chosen by memory',
    float32: 'float32, exact',
    float16: 'float16, half the memory',
    int8: 'int8, a quarter of the memory',
  },
  sparse: 'Sparse reading',
  sparseText: (from: string, read: string) =>
    `Beyond ${from} tokens, reads for each word only the ${read} that seem to matter: faster far down, but it may miss something. The self-test tells what it still finds.`,
  sparseInForce: (tokens: string) => `sparse beyond ${tokens}`,
  inForce: (tokens: string, kvType: string) => `Now: ${tokens} tokens, ${kvType} cache`,
  /** Behind a comma: how what lies beyond so many tokens is read. */
  beyond: (tokens: string, method: ContextMethod) => `beyond ${tokens} ${readings[method]}`,
  verified: (tokens: string) => `verified to ${tokens} here`,
  notVerified: 'not verified · test',
  testing: (share: string) => `self-test ${share}`,
  test: 'Self-test',
  testText:
    'Hides numbers in texts of growing length and asks for them. It runs behind your chats, and can be paused on the way.',
  stale: 'The results that there are hold no longer: something has changed since.',
  verdict: (tokens: string) => `What was hidden was found in texts of up to ${tokens} tokens.`,
  noVerdict: 'Too much was missed at the shortest length.',
  rule: 'A missed number is asked for twice more: three of four will do.',
  book: 'Perplexity of a book, by how far into it',
  upTo: (tokens: string) => `up to ${tokens}`,
  start: 'Test now',
  pause: 'Pause',
  goOn: 'Go on',
  cancel: 'Give up',
  progress: (share: string) => `${share} done`,
  left: (duration: string) => `about ${duration} left`,
  /** Between two sentences. */
  together: (sentence: string, next: string) => `${sentence} ${next}`,
  price: (tokens: string, duration: string) => `Up to ${tokens} tokens it may take ${duration}.`,
  paused: 'Paused',
  broken: 'Broke off',
  tokens: 'Tokens',
  task: 'Task',
  /** Above the columns: where in the text stood what was asked for. */
  where: 'Found at this place in the text',
  begin: 'Start',
  end: 'End',
  tasks: { passkey: 'Pass key', needles: 'One of four numbers', tracking: 'Two steps' },
  found: (found: string, asked: string) => `${found} of ${asked}`,
  job: (name: string) => `Test the context of ${name}`,
  longer: 'Longer setting',
  longerText: (tokens: string, bytes: string) =>
    `This model can read ${tokens} tokens, in chunks (${bytes} more when full). It is loaded again for that; the text stays in the field.`,
  cache: 'Cache',
  cacheOf: (kvType: string) => `${kvType} cache`,
  kept: (share: string) => `kept ${share} of full attention`,
  notChecked: 'what it kept was not checked',
};
