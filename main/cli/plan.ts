import type { ModelPlan } from '../contract/models.ts';
import { formatBytes, formatDuration } from '../shell/progress.ts';

/** A plan in words, a line for each thing that it costs or gives. */
export function describePlan(plan: ModelPlan): string[] {
  const { name, recipe, contextTokens, memory, kvType, longestContext, downloadBytes, compiledBytes, license } = plan;
  return [
    `${name}, ${recipe}, ${count(contextTokens)} tokens of conversation${license === null ? '' : `, licence ${license}`}`,
    `Download  ${downloadBytes === 0 ? 'nothing' : `about ${formatBytes(downloadBytes)}`}; compiled ${formatBytes(compiledBytes)}`,
    `Memory    ${formatBytes(memory.total)}: weights ${formatBytes(memory.weights)}, keys and values ${formatBytes(memory.kv)} (${kvType}), work ${formatBytes(memory.work)}, processes ${formatBytes(memory.processes)}`,
    ...(contextTokens > longestContext ? [`Context   read in chunks beyond ${count(longestContext)} tokens`] : []),
    `Speed     ${describeSpeed(plan)}`,
    ...describeObstacle(plan),
  ];
}

function describeSpeed({ speed, basis, contextTokens }: ModelPlan): string {
  if (speed === null || basis === null) return 'not known: this machine could not be measured just now';
  const { decodeTokensPerSecond, decodeTokensPerSecondAtContext, prefillTokensPerSecond, fillSeconds } = speed;
  const date = new Date(basis.measuredMs).toISOString().slice(0, 10);
  return [
    `about ${rate(decodeTokensPerSecond)} tokens/s writing, ${rate(decodeTokensPerSecondAtContext)} behind ${count(contextTokens)} tokens; `,
    `${rate(prefillTokensPerSecond)} tokens/s reading, ${formatDuration(fillSeconds * 1000)} for ${count(contextTokens)} `,
    `(estimate from this machine's speed with ${basis.threads} threads, measured ${date})`,
  ].join('');
}

function describeObstacle({ obstacle, nearest }: ModelPlan): string[] {
  if (obstacle === null) return ['It fits.'];
  const { kind, needed, available } = obstacle;
  const limit = {
    memory: 'of memory may be taken here',
    disk: 'of the disk are free',
  };
  const refusal = `It does not fit: ${formatBytes(needed)} needed, ${formatBytes(available)} ${limit[kind]}.`;
  if (nearest === null) return [refusal, 'Nothing in the catalogue is near enough.'];
  const { name, recipe, contextTokens } = nearest;
  return [refusal, `Nearest that fits: ${name}, ${recipe}, ${count(contextTokens)} tokens.`];
}

const count = (tokens: number) => tokens.toLocaleString('en');
const rate = (perSecond: number) => perSecond.toPrecision(perSecond < 100 ? 2 : 3);
