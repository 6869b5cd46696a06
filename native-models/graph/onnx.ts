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
const OPSETS = { '': 24 /* the first with TensorScatter */, 'com.microsoft': 1 };
const PRODUCER = 'longhand';
const IR_VERSION = 11;
const FLOAT = 1;
const INT = 2;
const INTS = 7;
const GRAPH = 5;
const EXTERNAL = 1;

/** Serialises a graph as an ONNX model file. */
export function encodeModel(graph: GraphSpec): Uint8Array {
  const out = protobuf.Writer.create();
  int(out, 1, IR_VERSION);
  text(out, 2, PRODUCER);
  part(out, 7, () => {
    for (const spec of graph.nodes) part(out, 1, () => node(out, spec));
    text(out, 2, graph.name);
    for (const spec of graph.initializers) part(out, 5, () => initializer(out, spec));
    for (const spec of graph.inputs) part(out, 11, () => valueInfo(out, spec));
    for (const spec of graph.outputs) part(out, 12, () => valueInfo(out, spec));
  });
  for (const [domain, version] of Object.entries(OPSETS)) {
    part(out, 8, () => {
      text(out, 1, domain);
      int(out, 2, version);
    });
  }
  return out.finish();
}

// protobufjs can encode by the schema too, but takes five times as long for it: plans are made of whole graphs, many at once.
const VARINT = 0;
const BYTES = 2;
const FLOAT32 = 5;
type Writer = protobuf.Writer;

function int(out: Writer, field: number, value: number): void {
  out.uint32((field << 3) | VARINT).int64(value);
}

function text(out: Writer, field: number, value: string): void {
  out.uint32((field << 3) | BYTES).string(value);
}

function part(out: Writer, field: number, write: () => void): void {
  out.uint32((field << 3) | BYTES).fork();
  write();
  out.ldelim();
}

function packed(out: Writer, field: number, values: readonly number[]): void {
  part(out, field, () => {
    for (const value of values) out.int64(value);
  });
}

function node(out: Writer, { inputs, outputs, name, op, domain, attributes }: NodeSpec): void {
  for (const input of inputs) text(out, 1, input);
  for (const output of outputs) text(out, 2, output);
  text(out, 3, name);
  text(out, 4, op);
  for (const [key, value] of Object.entries(attributes)) part(out, 5, () => attribute(out, key, value));
  text(out, 7, domain);
}

function attribute(out: Writer, name: string, value: Attributes[string]): void {
  text(out, 1, name);
  if (typeof value === 'number') {
    int(out, 3, value);
    int(out, 20, INT);
  } else if ('float' in value) {
    out.uint32((2 << 3) | FLOAT32).float(value.float);
    int(out, 20, FLOAT);
  } else if ('nodes' in value) {
    part(out, 6, () => {
      for (const spec of value.nodes) part(out, 1, () => node(out, spec));
      text(out, 2, name);
      for (const spec of value.outputs) part(out, 12, () => valueInfo(out, spec));
    });
    int(out, 20, GRAPH);
  } else {
    packed(out, 8, value);
    int(out, 20, INTS);
  }
}

function initializer(out: Writer, spec: InitializerSpec): void {
  packed(out, 1, spec.shape);
  int(out, 2, elementTypes[spec.type]);
  text(out, 8, spec.name);
  if ('raw' in spec) {
    out.uint32((9 << 3) | BYTES).bytes(spec.raw);
    return;
  }
  const entries = { location: spec.file, offset: String(spec.offset), length: String(spec.length) };
  for (const [key, value] of Object.entries(entries)) {
    part(out, 13, () => {
      text(out, 1, key);
      text(out, 2, value);
    });
  }
  int(out, 14, EXTERNAL);
}

function valueInfo(out: Writer, spec: ValueSpec): void {
  text(out, 1, spec.name);
  part(out, 2, () =>
    part(out, 1, () => {
      int(out, 1, elementTypes[spec.type]);
      part(out, 2, () => {
        for (const size of spec.shape) {
          part(out, 1, () => (typeof size === 'number' ? int(out, 1, size) : text(out, 2, size)));
        }
      });
    }),
  );
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
