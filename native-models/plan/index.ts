export { compiledBytes, footprintOf, footprintOfGraph, kvBytes, memoryNeed, type Footprint } from './footprint.ts';
export type { GraphCosts, Kernel } from './graph-costs.ts';
export { longestContext, plan, ORDINARY_TOKENS, type Machine, type Obstacle, type Plan } from './plan.ts';
export { decodeSeconds, prefillSeconds, type KernelSpeed, type MachineSpeed } from './speed.ts';
export { downloadBytes, publishedCheckpoint } from './storage.ts';
