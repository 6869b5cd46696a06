import protobuf from 'protobufjs';

// The part of onnx.proto that we write (field numbers from the ONNX 1.16 schema).
const schema = `syntax = "proto3"; package onnx;
message Model { int64 ir_version = 1; string producer_name = 2; Graph graph = 7; repeated OpSet opset_import = 8; }
message OpSet { string domain = 1; int64 version = 2; }
message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated Value input = 11; repeated Value output = 12; }
message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated Attribute attribute = 5; string domain = 7; }
message Attribute { string name = 1; float f = 2; int64 i = 3; bytes s = 4; Graph g = 6; repeated int64 ints = 8; int32 type = 20; }
message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; repeated Entry external_data = 13; int32 data_location = 14; }
message Entry { string key = 1; string value = 2; }
message Value { string name = 1; Type type = 2; }
message Type { TensorType tensor_type = 1; }
message TensorType { int32 elem_type = 1; Shape shape = 2; }
message Shape { repeated Dim dim = 1; }
message Dim { oneof value { int64 dim_value = 1; string dim_param = 2; } }`;
const Model = protobuf.parse(schema, { keepCase: true }).root.lookupType('onnx.Model');

/** ONNX element types that our graphs use, by their number in TensorProto.DataType. */
export const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

export type Attributes = Record<string, number | { float: number } | readonly number[] | Branch>;
/** A graph within a node: it sees every value of the graph around it. */
export type Branch = { nodes: readonly NodeSpec[]; outputs: readonly ValueSpec[] };
export type NodeSpec = {
  op: string;
  domain: string;
  name: string;
  inputs: readonly string[];
  outputs: readonly string[];
  attributes: Attributes;
};
/** A dimension is a number or the name of one that is known only at run time. */
export type ValueSpec = { name: string; type: ElementType; shape: readonly (number | string)[] };
/** An initializer: bytes in the graph itself, or a range of the weights file beside it. */
export type InitializerSpec = { name: string; type: ElementType; shape: readonly number[] } & (
  { raw: Uint8Array } | { file: string; offset: number; length: number }
);
export type GraphSpec = {
  name: string;
  nodes: readonly NodeSpec[];
  initializers: readonly InitializerSpec[];
  inputs: readonly ValueSpec[];
  outputs: readonly ValueSpec[];
};

/** The operator set of ONNX itself that our graphs are written against; contrib operators are `com.microsoft` 1. */
const OPSET = 24; // the first with TensorScatter
const IR_VERSION = 11;
const FLOAT = 1;
const INT = 2;
const INTS = 7;
const GRAPH = 5;
const EXTERNAL = 1;

/** Serialises a graph as an ONNX model file. */
export function encodeModel(graph: GraphSpec): Uint8Array {
  const message = {
    ir_version: IR_VERSION,
    producer_name: 'longhand',
    opset_import: [
      { domain: '', version: OPSET },
      { domain: 'com.microsoft', version: 1 },
    ],
    graph: {
      name: graph.name,
      node: graph.nodes.map(node),
      initializer: graph.initializers.map(initializer),
      input: graph.inputs.map(valueInfo),
      output: graph.outputs.map(valueInfo),
    },
  };
  return Model.encode(Model.fromObject(message)).finish();
}

function node({ inputs, outputs, name, op, domain, attributes }: NodeSpec): object {
  const attribute = Object.entries(attributes).map(([key, one]) => attributeOf(key, one));
  return { input: inputs, output: outputs, name, op_type: op, domain, attribute };
}

function attributeOf(name: string, value: Attributes[string]): object {
  if (typeof value === 'number') return { name, i: value, type: INT };
  if ('float' in value) return { name, f: value.float, type: FLOAT };
  if ('nodes' in value) {
    const g = { name, node: value.nodes.map(node), output: value.outputs.map(valueInfo) };
    return { name, g, type: GRAPH };
  }
  return { name, ints: value, type: INTS };
}

function initializer(spec: InitializerSpec): object {
  const head = { name: spec.name, data_type: elementTypes[spec.type], dims: spec.shape };
  if ('raw' in spec) return { ...head, raw_data: spec.raw };
  const entries = { location: spec.file, offset: String(spec.offset), length: String(spec.length) };
  const external_data = Object.entries(entries).map(([key, value]) => ({ key, value }));
  return { ...head, external_data, data_location: EXTERNAL };
}

function valueInfo(spec: ValueSpec): object {
  const dim = spec.shape.map((d) => (typeof d === 'number' ? { dim_value: d } : { dim_param: d }));
  return { name: spec.name, type: { tensor_type: { elem_type: elementTypes[spec.type], shape: { dim } } } };
}

/** What `encodeModel` wrote, for whoever asks what a graph costs. Bytes within the file are not copied. */
export function decodeModel(bytes: Uint8Array): Pick<GraphSpec, 'nodes' | 'initializers' | 'inputs' | 'outputs'> {
  const { graph } = Model.toObject(Model.decode(bytes), { longs: Number, defaults: true, arrays: true }) as Decoded;
  return {
    nodes: graph.node.map(decodeNode),
    initializers: graph.initializer.map(decodeInitializer),
    inputs: graph.input.map(decodeValue),
    outputs: graph.output.map(decodeValue),
  };
}

type DecodedAttribute = { name: string; f: number; i: number; ints: number[]; type: number; g: DecodedGraph };
type DecodedNode = {
  op_type: string;
  domain: string;
  name: string;
  input: string[];
  output: string[];
  attribute: DecodedAttribute[];
};
type DecodedTensor = {
  name: string;
  data_type: number;
  dims: number[];
  raw_data: Uint8Array;
  external_data: { key: string; value: string }[];
};
type DecodedValue = {
  name: string;
  type: { tensor_type: { elem_type: number; shape: { dim: { dim_value?: number; dim_param?: string }[] } } };
};
type DecodedGraph = {
  node: DecodedNode[];
  initializer: DecodedTensor[];
  input: DecodedValue[];
  output: DecodedValue[];
};
type Decoded = { graph: DecodedGraph };

function decodeNode({ op_type, domain, name, input, output, attribute }: DecodedNode): NodeSpec {
  return {
    ...{ op: op_type, domain, name, inputs: input, outputs: output },
    attributes: Object.fromEntries(attribute.map((one) => [one.name, attributeValue(one)])),
  };
}

function attributeValue({ type, f, i, ints, g }: DecodedAttribute): Attributes[string] {
  if (type === GRAPH) return { nodes: g.node.map(decodeNode), outputs: g.output.map(decodeValue) };
  return type === FLOAT ? { float: f } : type === INTS ? ints : i;
}

function decodeInitializer({ name, data_type, dims, raw_data, external_data }: DecodedTensor): InitializerSpec {
  const head = { name, type: elementTypeOf(data_type), shape: dims };
  const entry = (key: string) => external_data.find((one) => one.key === key)?.value;
  const file = entry('location');
  if (file === undefined) return { ...head, raw: raw_data };
  return { ...head, file, offset: Number(entry('offset')), length: Number(entry('length')) };
}

function decodeValue({ name, type: { tensor_type } }: DecodedValue): ValueSpec {
  const shape = tensor_type.shape.dim.map(({ dim_param, dim_value }) => dim_param || (dim_value ?? 0));
  return { name, type: elementTypeOf(tensor_type.elem_type), shape };
}

function elementTypeOf(number: number): ElementType {
  const found = Object.entries(elementTypes).find(([, known]) => known === number);
  if (found === undefined) throw new Error(`No element type ${number}`);
  return found[0] as ElementType;
}
