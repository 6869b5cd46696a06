import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { GraphBuilder } from '../graph/graph.ts';
import type { Recipe } from '../quantize/packed.ts';
import { findArchitecture } from './index.ts';

/** The graph of a checkpoint, with the plan of its weights file: the same wherever it is built. @throws CheckpointError */
export function buildGraph(checkpoint: Checkpoint, recipe: Recipe): GraphBuilder {
  const graph = new GraphBuilder(checkpoint, recipe);
  findArchitecture(checkpoint.config.architecture).build(graph);
  return graph;
}
