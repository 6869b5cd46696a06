export type StoredTensor = { name: string; type: string; shape: readonly number[]; data: Uint8Array };

/** The header's entries of tensors that follow each other, as JSON would have them. */
export function describeTensors(tensors: readonly StoredTensor[]): Record<string, unknown> {
  let end = 0;
  const entries = tensors.map(({ name, type, shape, data }) => {
    const begin = end;
    end += data.length;
    return [name, { dtype: type, shape, data_offsets: [begin, end] }] as const;
  });
  return Object.fromEntries(entries);
}

/** A safetensors file with any header, true or not. */
export function writeSafetensorsFile(header: unknown, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + json.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  file.set(data, 8 + json.length);
  return file;
}

export function writeSafetensors(tensors: readonly StoredTensor[]): Uint8Array<ArrayBuffer> {
  return writeSafetensorsFile(describeTensors(tensors), Buffer.concat(tensors.map(({ data }) => data)));
}
