import type { PDFPageProxy } from 'pdfjs-dist';
import { normalise } from '../part.ts';

/** Words that lie over a page: a comment, or a field of a form with its name. */
export type PageNote = { text: string; box: [left: number, top: number, width: number, height: number] };

type Annotation = {
  subtype?: string;
  rect?: [number, number, number, number];
  contentsObj?: { str?: string };
  fieldType?: string;
  fieldName?: string;
  alternativeText?: string;
  fieldValue?: unknown;
  checkBox?: boolean;
  radioButton?: boolean;
  exportValue?: string;
  buttonValue?: string;
  hidden?: boolean;
  password?: boolean;
};

const MOST_NOTES = 2_000;

/** Comments of a page and the filled fields of its form. */
export async function notesOf(page: PDFPageProxy): Promise<PageNote[]> {
  const annotations = (await page.getAnnotations().catch(() => [])) as Annotation[];
  const viewport = page.getViewport({ scale: 1 });
  const notes: PageNote[] = [];
  for (const annotation of annotations.slice(0, MOST_NOTES)) {
    const text = normalise(textOf(annotation) ?? '').trim();
    if (text === '' || annotation.rect === undefined) continue;
    const [left, bottom, right, top] = annotation.rect;
    const [x0, y0] = viewport.convertToViewportPoint(left, bottom) as [number, number];
    const [x1, y1] = viewport.convertToViewportPoint(right, top) as [number, number];
    notes.push({ text, box: [Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)] });
  }
  return notes;
}

function textOf(annotation: Annotation): string | null {
  if (annotation.hidden === true || annotation.password === true) return null;
  if (annotation.subtype === 'Link' || annotation.subtype === 'Popup') return null;
  if (annotation.subtype !== 'Widget') return annotation.contentsObj?.str ?? null;
  const value = valueOf(annotation);
  if (value === null) return null;
  // A name such as `form1[0].page1[0].city[0]` says most in its last part.
  const name =
    annotation.alternativeText ||
    annotation.fieldName
      ?.split('.')
      .at(-1)
      ?.replace(/\[\d+\]$/, '');
  return name ? `${name}: ${value}` : value;
}

function valueOf({
  fieldType,
  fieldValue,
  checkBox,
  radioButton,
  exportValue,
  buttonValue,
}: Annotation): string | null {
  if (fieldType === 'Sig') return null;
  if (checkBox === true) return fieldValue === exportValue && fieldValue !== 'Off' ? '✓' : null;
  if (radioButton === true) return fieldValue === buttonValue ? String(buttonValue) : null;
  const values = (Array.isArray(fieldValue) ? fieldValue : [fieldValue]).filter(
    (value) => typeof value === 'string' && value.trim() !== '',
  );
  return values.length === 0 ? null : values.join(', ');
}
