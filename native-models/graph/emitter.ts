import { asBytes } from '../quantize/pack.ts';
import {
  elementTypes,
  type Attributes,
  type Branch,
  type ElementType,
  type GraphSpec,
  type InitializerSpec,
  type NodeSpec,
  type ValueSpec,
} from './onnx.ts';

/** Domain of the operators that ONNX Runtime adds to the standard. */
export const CONTRIB = 'com.microsoft';

/**
 * Collects the nodes of a graph, one method an operator; a value is the name of a tensor, and a node is named as the
 * path of what it computes.
 */
export class GraphEmitter {
  #nodes: NodeSpec[] = [];
  readonly #inputs: ValueSpec[] = [];
  readonly #outputs: ValueSpec[] = [];
  readonly #constants = new Map<string, InitializerSpec>();

  /** The finished graph; `weights` lie in a file beside it. */
  spec(name: string, weights: readonly InitializerSpec[]): GraphSpec {
    return {
      name,
      nodes: this.#nodes,
      initializers: [...weights, ...this.#constants.values()],
      inputs: this.#inputs,
      outputs: this.#outputs,
    };
  }

  /**
   * Values that one of two branches computes, by whether `condition` (bool [1]) holds; constants belong to the whole graph.
   * @param outputs names of what the node gives; each branch returns its own for them
   */
  choose(
    name: string,
    condition: string,
    outputs: readonly ValueSpec[],
    branches: { then: () => readonly string[]; else: () => readonly string[] },
  ): void {
    const attributes = {
      then_branch: this.#branch(`${name}/then`, outputs, branches.then),
      else_branch: this.#branch(`${name}/else`, outputs, branches.else),
    };
    this.push(
      name,
      'If',
      [condition],
      outputs.map((one) => one.name),
      attributes,
      '',
    );
  }

  /** Two parts along the last axis. */
  split(name: string, x: string, widths: readonly [number, number]): [string, string] {
    const parts: [string, string] = [`${name}/0`, `${name}/1`];
    this.push(name, 'Split', [x, this.int64s(widths)], parts, { axis: -1 }, '');
    return parts;
  }

  reshape(name: string, x: string, shape: readonly number[]): string {
    return this.node(name, 'Reshape', [x, this.int64s(shape)]);
  }

  /** Where each element of x (int64 [n]) stands once they are sorted, smallest first and equal ones as they came: [n]. */
  sortOrder(name: string, x: string, length: string): string {
    this.push(name, 'TopK', [x, length], [`${name}/values`, name], { axis: 0, largest: 0 }, '');
    return name;
  }

  transpose(x: string, perm: readonly number[]): string {
    return this.node(`${x}/transposed`, 'Transpose', [x], { perm });
  }

  cast(name: string, x: string, to: ElementType): string {
    return this.node(name, 'Cast', [x], { to: elementTypes[to] });
  }

  int64s(values: readonly number[], name = `int64(${values.join(',')})`): string {
    const raw = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant(name, 'int64', [values.length], raw);
  }

  int64(value: number): string {
    return this.#constant(`int64 ${value}`, 'int64', [], new Uint8Array(BigInt64Array.of(BigInt(value)).buffer));
  }

  /** Named by the caller, as such vectors may be long. */
  int32s(name: string, values: ArrayLike<number>): string {
    return this.#constant(name, 'int32', [values.length], new Uint8Array(Int32Array.from(values).buffer));
  }

  float32(value: number): string {
    return this.#constant(`float32 ${value}`, 'float32', [], asBytes(Float32Array.of(value)));
  }

  /** Named by the caller, as the other long ones. */
  float32s(name: string, shape: readonly number[], values: Float32Array): string {
    return this.#constant(name, 'float32', shape, asBytes(values));
  }

  uint8(value: number): string {
    return this.#constant(`uint8 ${value}`, 'uint8', [], Uint8Array.of(value));
  }

  /** A vector of `length` ones. */
  ones(length: number): string {
    return this.#constant(`ones(${length})`, 'float32', [length], asBytes(new Float32Array(length).fill(1)));
  }

  input(name: string, type: ValueSpec['type'], shape: ValueSpec['shape']): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, type: ValueSpec['type'], shape: ValueSpec['shape']): void {
    this.#outputs.push({ name, type, shape });
  }

  /** A node with one output, called as the node. */
  node(name: string, op: string, inputs: readonly string[], attributes: Attributes = {}, domain = ''): string {
    this.push(name, op, inputs, [name], attributes, domain);
    return name;
  }

  push(
    name: string,
    op: string,
    inputs: readonly string[],
    outputs: readonly string[],
    attributes: Attributes,
    domain: string,
  ) {
    this.#nodes.push({ name, op, inputs, outputs, attributes, domain });
  }

  #branch(name: string, outputs: readonly ValueSpec[], build: () => readonly string[]): Branch {
    const outside = this.#nodes;
    this.#nodes = [];
    try {
      const values = build();
      const specs = values.map((value, i) => {
        const result = `${name}/${i}`;
        this.push(result, 'Identity', [value], [result], {}, ''); // a branch gives values of its own making only
        return { ...outputs[i]!, name: result };
      });
      return { nodes: this.#nodes, outputs: specs };
    } finally {
      this.#nodes = outside;
    }
  }

  #constant(name: string, type: ValueSpec['type'], shape: readonly number[], raw: Uint8Array): string {
    this.#constants.set(name, { name, type, shape, raw });
    return name;
  }
}
