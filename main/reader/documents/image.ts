import type { ExtractionEvent, ExtractionNote, Part } from '../../contract/extraction.ts';
import { tooLarge, unreadable, type DocumentFormat } from './format.ts';
import { recognisedText } from './recognise/page.ts';
import { pictureHeader } from './recognise/picture-size.ts';
import { Recogniser } from './recognise/recogniser.ts';

/** Recognition finds little in smaller letters than a picture of this width has, and gains nothing from larger pictures. */
const LEAST_WIDTH = 1_000;
const MOST_WIDTH = 4_000;

/** A picture: the text on it. Its size is known before it is decoded, which takes four bytes a pixel. */
export const image: DocumentFormat = {
  id: 'image',
  matches: ({ bytes }) => pictureHeader(bytes) !== null,

  async *read({ bytes }, { limits, recognise }): AsyncGenerator<ExtractionEvent, void> {
    const { width, height } = pictureHeader(bytes) ?? { width: 0, height: 0 };
    if (width * height === 0) throw unreadable('the picture has no size');
    if (width * height > limits.pixels) throw tooLarge('pixels', limits.pixels);
    yield { type: 'about', format: 'image', title: null, parts: 1 };
    const empty: Part = {
      kind: 'page',
      label: '',
      text: '',
      blocks: [],
      size: { width, height },
      boxes: [],
      recognised: false,
    };
    const found = recognise ? await recogniseImage(bytes, width) : null;
    yield { type: 'part', part: found === null ? empty : { ...empty, ...found, recognised: true } };
    const notes: ExtractionNote[] =
      found === null || found.text === ''
        ? [{ code: 'no-text-layer', details: { pages: [1] } }]
        : [{ code: 'text-recognised', details: { pages: [1] } }];
    yield { type: 'end', outline: [], notes };
  },
};

async function recogniseImage(bytes: Uint8Array, width: number): Promise<Pick<Part, 'text' | 'blocks' | 'boxes'>> {
  const { createCanvas, loadImage } = await import('@napi-rs/canvas');
  const picture = await loadImage(Buffer.from(bytes)).catch((error: unknown) => {
    throw unreadable('the picture is damaged', error);
  });
  const scale = Math.min(MOST_WIDTH, Math.max(LEAST_WIDTH, width)) / width;
  const canvas = createCanvas(Math.round(picture.width * scale), Math.round(picture.height * scale));
  const context = canvas.getContext('2d');
  context.fillStyle = '#fff'; // what is transparent is paper
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const recogniser = new Recogniser();
  try {
    return recognisedText(await recogniser.lines(canvas.toBuffer('image/png')), 1 / scale);
  } finally {
    await recogniser.close();
  }
}
