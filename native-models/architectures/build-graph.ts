import { KV_PAGE, mapKvTypes } from '../attention/kv-type.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { CacheForm } from '../graph/attention.ts';
import { GraphBuilder } from '../graph/graph.ts';
import type { Recipe } from '../quantize/packed.ts';
import { findArchitecture } from './index.ts';

/** The graph of a checkpoint, with the plan of its weights file: the same wherever it is built. @throws CheckpointError */
export function buildGraph(checkpoint: Checkpoint, recipe: Recipe, cache: Partial<CacheForm> = {}): GraphBuilder {
  const graph = new GraphBuilder(checkpoint, recipe, { kvPage: KV_PAGE, kvType: 'float32', ...cache });
  findArchitecture(checkpoint.config.architecture).build(graph);
  return graph;
}

/** The graphs of a checkpoint for every form of the cache, as ONNX files; they share the plan of the weights of `graph`. */
export function buildGraphs(checkpoint: Checkpoint, recipe: Recipe, kvPage = KV_PAGE) {
  const graphs = mapKvTypes((kvType) => buildGraph(checkpoint, recipe, { kvType, kvPage }));
  return { graph: graphs.float32, encoded: mapKvTypes((type) => graphs[type].encode()) };
}
