import { describe, expect, it } from 'vitest';
import { modelTitle } from '../../renderer/app/model-title.ts';
import { catalog } from '../../native-models/catalog/index.ts';

describe('the name of a model on the page', () => {
  it.each([
    ['smollm2-135m-instruct', 'SmolLM2 135M Instruct'],
    ['qwen2.5-0.5b-instruct', 'Qwen2.5 0.5B Instruct'],
    ['SmolLM2-135M', 'SmolLM2 135M'],
    ['qwen2.5-0.5b-instruct 2', 'Qwen2.5 0.5B Instruct 2'],
    ['qwen1.5-moe-a2.7b-chat', 'Qwen1.5 MoE A2.7B Chat'],
    ['Mixtral-8X7B-v0.1', 'Mixtral 8x7B v0.1'],
    ['Qwen3-30B-A3B-Instruct-2507', 'Qwen3 30B A3B Instruct 2507'],
    ['DeepSeek-R1-Distill-Qwen-1.5B-q4_k_m', 'DeepSeek R1 Distill Qwen 1.5B Q4_K_M'],
    ['Meta-Llama-3.1-8B-Instruct', 'Meta Llama 3.1 8B Instruct'],
    ['qwen2.5-7b-instruct:q8_0', 'Qwen2.5 7B Instruct Q8_0'],
  ])('%s reads %s', (name, title) => expect(modelTitle(name)).toBe(title));

  it.each([['bread-and-butter'], ['Grandmother’s model'], ['Qwen/Qwen2.5-7B-GGUF'], ['寒江'], [''], ['tiny_v2']])(
    '%j is left as it is',
    (name) => expect(modelTitle(name)).toBe(name),
  );

  it('reads the same when it is a title already', () => {
    for (const { name } of catalog) expect(modelTitle(modelTitle(name))).toBe(modelTitle(name));
  });

  it('tells the models of the catalogue apart', () => {
    const titles = catalog.map(({ name }) => modelTitle(name));
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles.filter((title) => title.includes('-'))).toEqual([]);
  });
});
