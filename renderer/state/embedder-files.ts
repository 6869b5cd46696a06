import { LonghandError } from '../../main/contract/errors.ts';

/** The files of an embedding model, under the names that they are sent by, and what the model is called. */
export type EmbedderFiles = { name: string; files: File[] };

/** Where exporters put the model, the first that is there; each part of it has to be. */
const MODELS = ['model.onnx', 'model_quantized.onnx', 'onnx/model.onnx', 'onnx/model_quantized.onnx'];
const TOKENIZER = 'tokenizer.json';
/** What says how it is to be used, where it is there. A page sends no folders, so a file in one gets a name of its own. */
const OTHERS = { 'config.json': 'config.json', '1_Pooling/config.json': '1_Pooling_config.json' };

/**
 * The model among the files of a folder that was chosen in a browser.
 * @throws LonghandError `model-damaged` where it has no model, or no tokenizer
 */
export function embedderAmong(chosen: readonly File[]): EmbedderFiles {
  const [folder = ''] = chosen[0]?.webkitRelativePath.split('/') ?? [];
  const byPath = new Map(chosen.map((file) => [file.webkitRelativePath.split('/').slice(1).join('/'), file]));
  const model = MODELS.map((path) => byPath.get(path)).find((file) => file !== undefined);
  const tokenizer = byPath.get(TOKENIZER);
  if (model === undefined || tokenizer === undefined) {
    const missing = model === undefined ? 'model.onnx' : TOKENIZER;
    throw new LonghandError('model-damaged', `There is no ${missing} in ${folder}.`, { folder, missing });
  }
  const others = Object.entries(OTHERS).flatMap(([path, name]) => {
    const file = byPath.get(path);
    return file === undefined ? [] : [new File([file], name)];
  });
  return { name: folder, files: [model, tokenizer, ...others] };
}
