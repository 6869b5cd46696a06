import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dequantize, openCheckpoint } from '../../native-models/checkpoint/index.ts';
import { tiny, tinyWith, useGgufFiles } from '../support/gguf-files.ts';
import { layOutGguf, writeGguf } from '../support/gguf-writer.ts';
import { encodeValues, tinyCheckpoint, tinyTypes, type TinyOptions } from '../support/tiny-checkpoint.ts';

const { folder, save, withCheckpoint, refusal } = useGgufFiles();

/** A tiny file with one tensor changed. */
function tinyChanging(name: string, change: object, options?: TinyOptions): Uint8Array {
  const { metadata, tensors } = tinyCheckpoint(options);
  return writeGguf({ metadata, tensors: tensors.map((t) => (t.name === name ? { ...t, ...change } : t)) });
}

describe('a GGUF checkpoint', () => {
  it.each([2, 3])('opens in version %i', async (version) => {
    await withCheckpoint(tiny({}, { version }), ({ config }) => {
      expect(config).toMatchObject({ architecture: 'qwen2', layers: 2, hiddenSize: 64, headDim: 16, vocabSize: 272 });
    });
  });

  it('is recognised by its content, whatever its name', async () => {
    const path = join(folder, 'model.bin');
    await writeFile(path, tiny());
    const checkpoint = await openCheckpoint(path);
    expect(checkpoint.sizeBytes).toBe(tiny().length);
    await checkpoint.close();
  });

  it.each([8, 32, 4096])('may be aligned to %i bytes', async (alignment) => {
    await withCheckpoint(tiny({}, { alignment }), async (checkpoint) => {
      const bytes = new Uint8Array(64 * 4);
      await checkpoint.readRows('model.norm.weight', 0, 1, bytes);
      const stored = tinyCheckpoint().tensors.find(({ name }) => name === 'output_norm.weight')!;
      expect(bytes).toEqual(stored.data);
    });
  });

  it.each(tinyTypes)('gives %s rows as they are stored', async (type) => {
    const stored = tinyCheckpoint({ type }).tensors.find(({ name }) => name === 'blk.1.ffn_up.weight')!;
    await withCheckpoint(tiny({ type }), async (checkpoint) => {
      const info = checkpoint.tensors.get('model.layers.1.mlp.up_proj.weight')!;
      expect(info).toMatchObject({ type, shape: [96, 64], rows: 96, byteLength: stored.data.length });
      const bytes = new Uint8Array(3 * info.rowByteLength);
      await checkpoint.readRows(info.name, 7, 10, bytes);
      expect(bytes).toEqual(stored.data.subarray(7 * info.rowByteLength, 10 * info.rowByteLength));
    });
  });

  it('puts q and k of a llama file, and only those, into Hugging Face row order', async () => {
    // Each row holds its own number, so that the order can be read off.
    const { metadata, tensors } = tinyCheckpoint({ architecture: 'llama' });
    const numbered = tensors.map((tensor) => {
      const [rows, columns] = tensor.shape;
      if (columns === undefined) return tensor;
      const values = Float32Array.from({ length: rows! * columns }, (_, i) => Math.floor(i / columns));
      return { ...tensor, data: encodeValues('F32', values) };
    });
    await withCheckpoint(writeGguf({ metadata, tensors: numbered }), async (checkpoint) => {
      const order = async (name: string, first: number, last: number) => {
        const info = checkpoint.tensors.get(`model.layers.0.self_attn.${name}.weight`)!;
        const bytes = new Uint8Array((last - first) * info.rowByteLength);
        await checkpoint.readRows(info.name, first, last, bytes);
        const values = new Float32Array(bytes.length / 4);
        dequantize('F32', bytes, values);
        return Array.from({ length: last - first }, (_, row) => values[row * 64]);
      };
      const evensThenOdds = [0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15];
      expect(await order('q_proj', 0, 16)).toEqual(evensThenOdds);
      expect(await order('k_proj', 16, 32)).toEqual(evensThenOdds.map((row) => row + 16));
      expect(await order('q_proj', 14, 19)).toEqual([13, 15, 16, 18, 20]);
      expect(await order('v_proj', 0, 3)).toEqual([0, 1, 2]);
      expect(await order('o_proj', 0, 3)).toEqual([0, 1, 2]);
    });
  });

  it('leaves the rows of a qwen2 file where they are', async () => {
    const stored = tinyCheckpoint().tensors.find(({ name }) => name === 'blk.0.attn_q.weight')!;
    await withCheckpoint(tiny(), async (checkpoint) => {
      const bytes = new Uint8Array(stored.data.length);
      await checkpoint.readRows('model.layers.0.self_attn.q_proj.weight', 0, 64, bytes);
      expect(bytes).toEqual(stored.data);
    });
  });

  it('has an output matrix of its own only where the file has one', async () => {
    await withCheckpoint(tiny(), ({ config, tensors }) => {
      expect([config.tiedEmbeddings, tensors.has('lm_head.weight')]).toEqual([true, false]);
    });
    await withCheckpoint(tiny({ tiedEmbeddings: false }), ({ config, tensors }) => {
      expect([config.tiedEmbeddings, tensors.has('lm_head.weight')]).toEqual([false, true]);
    });
  });

  it('counts padding rows as rows of the embedding but not as tokens', async () => {
    await withCheckpoint(tiny(), ({ config, tokenizer }) => {
      expect(config.vocabSize).toBe(272);
      expect(tokenizer.tokens).toHaveLength(268);
      expect(tokenizer.types).toHaveLength(268);
    });
  });

  it('ends answers at the declared token and at those that are spelled as ends', async () => {
    await withCheckpoint(tiny(), ({ config, tokenizer }) => {
      expect(config.eosTokenIds.map((id) => tokenizer.tokens[id])).toEqual(['<|im_end|>', '<|endoftext|>']);
    });
  });

  it('reads the stretching of positions that it declares', async () => {
    const metadata = {
      'qwen2.rope.scaling.type': 'yarn',
      'qwen2.rope.scaling.factor': { type: 'f32', value: 4 },
      'qwen2.rope.scaling.original_context_length': 32768,
    } as const;
    await withCheckpoint(tiny({ metadata }), ({ config }) => {
      expect(config.ropeScaling).toEqual({ type: 'yarn', factor: 4, originalContextLength: 32768 });
    });
    await withCheckpoint(tinyWith('qwen2.rope.scaling.type', 'none'), ({ config }) => {
      expect(config.ropeScaling).toBeNull();
    });
  });

  it('tells a file that was cut after it was opened from a good one', async () => {
    const path = await save(tiny());
    const checkpoint = await openCheckpoint(path);
    await truncate(path, tiny().length - 100);
    const reading = checkpoint.readRows('model.norm.weight', 0, 1, new Uint8Array(256));
    await expect(reading).rejects.toMatchObject({
      code: 'corrupt-checkpoint',
      details: { tensor: 'output_norm.weight', expected: 256 },
    });
    await checkpoint.close();
  });

  it('treats a wrong request for rows as a fault of the caller', async () => {
    await withCheckpoint(tiny(), async (checkpoint) => {
      await expect(checkpoint.readRows('nothing', 0, 1, new Uint8Array(4))).rejects.toThrow('No tensor nothing');
      await expect(checkpoint.readRows('model.norm.weight', 0, 2, new Uint8Array(512))).rejects.toThrow('Rows 0 to 2');
      await expect(checkpoint.readRows('model.norm.weight', 0, 1, new Uint8Array(4))).rejects.toThrow('cannot hold');
    });
  });
});

describe('a file that is no usable GGUF', () => {
  const text = (value: string) => new TextEncoder().encode(value);
  const swapped = () => {
    const bytes = tiny();
    new DataView(bytes.buffer).setUint32(4, 3, false);
    return bytes;
  };

  it.each([
    ['is empty', new Uint8Array(0), 'not-a-checkpoint', 'empty'],
    ['is something else', text('hello, this is text'), 'not-a-checkpoint', 'GGUF'],
    ['is a PyTorch archive', text('PK\u0003\u0004 and so on'), 'not-a-checkpoint', 'PyTorch'],
    ['is a pickle', Uint8Array.of(0x80, 2, 0x7d), 'not-a-checkpoint', 'pickle'],
    ['is big-endian', swapped(), 'unsupported-version', 'big-endian'],
    ['has its magic reversed', text('FUGG\0\0\0\u0003'), 'unsupported-version', 'big-endian'],
    ['is version 1', tiny({}, { version: 1 }), 'unsupported-version', 'version 1'],
    ['is version 4', tiny({}, { version: 4 }), 'unsupported-version', 'version 4'],
    ['is an adapter', tinyWith('general.type', 'adapter'), 'not-a-checkpoint', 'adapter'],
  ])('is refused when it %s', async (_, bytes, code, words) => {
    const error = await refusal(bytes);
    expect(error.code).toBe(code);
    expect(error.message).toContain(words);
    expect(error.message).toContain(folder); // which file it was
  });

  it('is refused when it is a folder', async () => {
    await expect(openCheckpoint(folder)).rejects.toMatchObject({ code: 'not-a-checkpoint' });
  });

  it('keeps the system error when it does not exist', async () => {
    await expect(openCheckpoint(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('is refused wherever it is cut', async () => {
    const { bytes, metadataEnd, tensorInfosEnd, dataStart } = layOutGguf(tinyCheckpoint());
    const cuts = [1, 3, 4, 5, 7, 8, 15, 16, 23, 24, metadataEnd, tensorInfosEnd, dataStart, bytes.length];
    for (const cut of cuts.flatMap((at) => [at - 1, at, at + 1]).filter((at) => at >= 1 && at < bytes.length)) {
      const error = await refusal(bytes.subarray(0, cut));
      expect(error.code, `${cut} bytes`).toBe(cut < 4 ? 'not-a-checkpoint' : 'corrupt-checkpoint');
    }
  });
});

describe('a header that lies', () => {
  const header = (change: (view: DataView) => void) => {
    const bytes = tiny();
    change(new DataView(bytes.buffer));
    return bytes;
  };
  const huge = { type: 'u64', value: 2n ** 64n - 1n } as const;

  it.each<[string, Uint8Array, string]>([
    ['a tensor count beyond all limits', header((v) => v.setBigUint64(8, 2n ** 63n, true)), 'limit-exceeded'],
    ['a tensor count beyond the file', header((v) => v.setBigUint64(8, 16_000n, true)), 'corrupt-checkpoint'],
    ['a key count beyond all limits', header((v) => v.setBigUint64(16, 2n ** 40n, true)), 'limit-exceeded'],
    ['a key count beyond the file', header((v) => v.setBigUint64(16, 60_000n, true)), 'corrupt-checkpoint'],
    ['a key longer than a mebibyte', header((v) => v.setBigUint64(24, 2n ** 21n, true)), 'limit-exceeded'],
    ['a key longer than the file', header((v) => v.setBigUint64(24, 1_000_000n, true)), 'corrupt-checkpoint'],
    ['a key that is not UTF-8', header((v) => v.setUint8(33, 0xff)), 'corrupt-checkpoint'],
    ['an alignment of 3', tiny({}, { alignment: 3 }), 'corrupt-checkpoint'],
    ['an alignment of 0', tinyWith('general.alignment', 0), 'corrupt-checkpoint'],
    ['a huge alignment', tinyWith('general.alignment', huge), 'corrupt-checkpoint'],
    ['a bool of 2', tinyWith('x', { type: 'bool', value: 2 }), 'corrupt-checkpoint'],
  ])('is refused: %s', async (_, bytes, code) => {
    expect((await refusal(bytes)).code).toBe(code);
  });

  it('is refused for a key that occurs twice, by name', async () => {
    const { metadata, tensors } = tinyCheckpoint();
    const bytes = writeGguf({ metadata: [...Object.entries(metadata!), ['general.name', 'Again']], tensors });
    expect(await refusal(bytes)).toMatchObject({ code: 'corrupt-checkpoint', details: { key: 'general.name' } });
  });

  it.each([
    ['an unknown value type', 13],
    ['a nested array', 9],
  ])('is refused for an array of %s', async (_, elementType) => {
    const { bytes, metadataEnd } = layOutGguf({ metadata: { list: { type: 'array', of: 'u32', value: [1] } } });
    new DataView(bytes.buffer).setUint32(metadataEnd - 4 - 8 - 4, elementType, true);
    expect(await refusal(bytes)).toMatchObject({ code: 'corrupt-checkpoint', details: { key: 'list' } });
  });

  it('is refused for an array longer than the file before anything is allocated for it', async () => {
    const { bytes, metadataEnd } = layOutGguf({ metadata: { list: { type: 'array', of: 'f64', value: [1] } } });
    const view = new DataView(bytes.buffer);
    for (const count of [2n, BigInt(bytes.length), 2n ** 40n, 2n ** 61n, 2n ** 64n - 1n]) {
      view.setBigUint64(metadataEnd - 8 - 8, count, true);
      expect((await refusal(bytes)).code).toBe('corrupt-checkpoint');
    }
  });

  it('is refused when it is larger than 64 MiB', async () => {
    const text = 'x'.repeat(1024 * 1024);
    const metadata = Array.from({ length: 65 }, (_, i): [string, string] => [`key.${i}`, text]);
    const error = await refusal(writeGguf({ metadata }));
    expect(error).toMatchObject({ code: 'limit-exceeded', details: { limit: 64 * 1024 * 1024 } });
  });
});

describe('a tensor that lies', () => {
  const name = 'blk.0.ffn_up.weight';

  it.each<[string, object, string]>([
    ['starts past the end', { offset: 2 ** 40 }, 'corrupt-checkpoint'],
    ['starts near 2^64', { offset: 2n ** 64n - 32n }, 'corrupt-checkpoint'],
    ['starts off the alignment', { offset: 33 }, 'corrupt-checkpoint'],
    ['lies on another one', { offset: 0 }, 'corrupt-checkpoint'],
    ['has a length of zero', { shape: [0, 64] }, 'corrupt-checkpoint'],
    ['has no dimensions', { shape: [] }, 'corrupt-checkpoint'],
    ['has five dimensions', { shape: [1, 1, 1, 96, 64] }, 'corrupt-checkpoint'],
    ['has more elements than 2^53', { shape: [2 ** 30, 2 ** 30] }, 'corrupt-checkpoint'],
    ['has more elements than 2^64', { shape: [2 ** 50, 2 ** 50, 2 ** 50] }, 'corrupt-checkpoint'],
    ['is larger than the file', { shape: [96, 64_000] }, 'corrupt-checkpoint'],
    ['has the wrong shape', { shape: [64, 96] }, 'corrupt-checkpoint'],
    ['has rows that blocks do not divide', { type: 'Q4_0', shape: [64, 48] }, 'corrupt-checkpoint'],
    ['has a type nobody reads yet', { type: 16 }, 'unsupported-type'],
    ['has a type nobody knows', { type: 4_000_000_000 }, 'unsupported-type'],
  ])('is refused when it %s', async (_, change, code) => {
    const error = await refusal(tinyChanging(name, change));
    expect(error.code).toBe(code);
    expect(error.message).toContain('blk.0.');
  });

  it('names the types it found and those that it reads', async () => {
    const error = await refusal(tinyChanging(name, { type: 16 }));
    expect(error.message).toContain(`IQ2_XXS (1 tensors, first ${name})`);
    expect(error.details).toMatchObject({ found: ['IQ2_XXS'] });
    const { supported } = error.details as { supported: string[] };
    expect(supported).toContain('Q4_K');
    expect(supported).not.toContain('U4_128'); // GGUF has no such type
  });

  it('is refused when its name occurs twice', async () => {
    expect(await refusal(tinyChanging(name, { name: 'blk.0.ffn_gate.weight' }))).toMatchObject({
      code: 'corrupt-checkpoint',
      details: { tensor: 'blk.0.ffn_gate.weight' },
    });
  });

  it.each(['token_embd.weight', 'blk.1.attn_v.bias', 'output_norm.weight'])(
    'is missed by name: %s',
    async (missing) => {
      const { metadata, tensors } = tinyCheckpoint();
      const bytes = writeGguf({ metadata, tensors: tensors.filter((tensor) => tensor.name !== missing) });
      expect(await refusal(bytes)).toMatchObject({ code: 'missing-tensor', details: { tensor: missing } });
    },
  );

  it('is refused where no one would read it, because it changes the model', async () => {
    const { metadata, tensors } = tinyCheckpoint({ architecture: 'llama' });
    const extra = { name: 'rope_freqs.weight', type: 'F32', shape: [8], data: new Uint8Array(32) } as const;
    expect(await refusal(writeGguf({ metadata, tensors: [...tensors, extra] }))).toMatchObject({
      code: 'unsupported-setting',
      details: { tensor: 'rope_freqs.weight' },
    });
  });
});
