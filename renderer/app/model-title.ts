/** Names of families as their makers write them; others begin with a capital letter. */
const FAMILIES = [
  ...['Qwen', 'QwQ', 'SmolLM', 'Llama', 'TinyLlama', 'Mistral', 'Mixtral', 'Ministral', 'Gemma', 'Phi', 'DeepSeek'],
  ...['Granite', 'OLMo', 'OLMoE', 'Falcon', 'StableLM', 'InternLM', 'MiniCPM', 'GLM', 'ChatGLM', 'Yi', 'GPT', 'EXAONE'],
];
const byLetters = new Map(FAMILIES.map((name) => [name.toLowerCase(), name]));
const WORDS = ['MoE', 'VL'];

/** "0.5b", "135M", "a2.7b", "8x7b": how many parameters; "128k": how long a context. */
const SIZE = /^(a|\d+x)?\d+(\.\d+)?[bmk]$/i;
const QUANTIZATION = /^(i?q\d\w*|b?f16|f32|fp16|gguf)$/i;

/**
 * The name of a model as people write it: "qwen2.5-0.5b-instruct" -> "Qwen2.5 0.5B Instruct". The name itself stays what
 * files, command line and contract know the model by. A name that is not put together in this way is left as it is.
 */
export function modelTitle(name: string): string {
  if (name.includes('/')) return name; // of a repository: whose it is belongs to it
  const parts = name.split(/[-:\s]+/).filter((part) => part !== '');
  const titles = parts.map(titleOf);
  return titles.some((title) => title !== null)
    ? titles.map((title, at) => title ?? plain(parts[at]!)).join(' ')
    : name;
}

/** A part of a name that says what it is: a family with its version, or a size. */
function titleOf(part: string): string | null {
  const [, letters = '', version = ''] = /^([a-z]+)([\d.]*)$/i.exec(part) ?? [];
  const family = byLetters.get(letters.toLowerCase());
  if (family !== undefined) return family + version;
  return SIZE.test(part) ? part.toUpperCase().replace('X', 'x') : null;
}

function plain(part: string): string {
  if (QUANTIZATION.test(part)) return part.toUpperCase();
  const word = WORDS.find((one) => one.toLowerCase() === part.toLowerCase());
  if (word !== undefined) return word;
  return /^[a-z]{3,}$/.test(part) ? part[0]!.toUpperCase() + part.slice(1) : part;
}
