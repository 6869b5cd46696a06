import protobuf from 'protobufjs';

// Of onnx.proto only what names inputs and outputs; the decoder skips weights and nodes.
const schema = `syntax = "proto3"; package onnx;
message Model { Graph graph = 7; }
message Graph { repeated Value input = 11; repeated Value output = 12; }
message Value { string name = 1; Type type = 2; }
message Type { TensorType tensor_type = 1; }
message TensorType { int32 elem_type = 1; Shape shape = 2; }
message Shape { repeated Dim dim = 1; }
message Dim { oneof value { int64 dim_value = 1; string dim_param = 2; } }`;
const Model = protobuf.parse(schema, { keepCase: true }).root.lookupType('onnx.Model');

/** A tensor that a model takes or gives; a dimension is null where it is known only at run time. */
export type TensorSignature = { name: string; elementType: number; shape: (number | null)[] };
export type Signature = { inputs: TensorSignature[]; outputs: TensorSignature[] };

type Value = {
  name?: string;
  type?: { tensor_type?: { elem_type?: number; shape?: { dim?: { dim_value?: string }[] } } };
};

/** What an ONNX model takes and gives. @throws Error for bytes that are none */
export function readSignature(model: Uint8Array): Signature {
  const { graph } = Model.toObject(Model.decode(model), { longs: String }) as {
    graph?: { input?: Value[]; output?: Value[] };
  };
  if (graph === undefined) throw new Error('it is no ONNX model');
  return { inputs: (graph.input ?? []).map(signatureOf), outputs: (graph.output ?? []).map(signatureOf) };
}

function signatureOf({ name = '', type }: Value): TensorSignature {
  const tensor = type?.tensor_type;
  const shape = (tensor?.shape?.dim ?? []).map(({ dim_value: value }) => (value === undefined ? null : Number(value)));
  return { name, elementType: tensor?.elem_type ?? 0, shape };
}
