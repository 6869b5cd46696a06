import type { Zip } from '../zip.ts';
import { parseAllXml } from '../xml.ts';
import { ListNumbers, type ListLevel } from './numbers.ts';

/** What paragraphs of a style are: a heading of a level from 1, or 0; items of a list. */
export type ParagraphStyle = { heading: number; list: string | null; listLevel: number; basedOn: string | null };

/** Styles of a DOCX by their ids, what they inherit filled in. */
export function stylesOf(zip: Zip): (id: string | null) => ParagraphStyle {
  const styles = new Map<string, ParagraphStyle>();
  let open: ParagraphStyle | null = null;
  parseAllXml(zip.read('word/styles.xml'), {
    open(name, { val, styleId = '' }) {
      if (name === 'style') styles.set(styleId, (open = { heading: 0, list: null, listLevel: 0, basedOn: null }));
      else if (open === null) return;
      else if (name === 'name')
        open.heading = /^title$/i.test(val ?? '') ? 1 : Number(/^heading ([1-9])$/i.exec(val ?? '')?.[1] ?? 0);
      else if (name === 'basedOn') open.basedOn = val ?? null;
      else if (name === 'outlineLvl' && Number(val) < 9) open.heading ||= Number(val) + 1;
      else if (name === 'numId') open.list = val ?? null;
      else if (name === 'ilvl') open.listLevel = Number(val);
    },
    close(name) {
      if (name === 'style') open = null;
    },
  });
  const none: ParagraphStyle = { heading: 0, list: null, listLevel: 0, basedOn: null };
  const resolve = (id: string | null, depth: number): ParagraphStyle => {
    const style = (id === null ? undefined : styles.get(id)) ?? none;
    if (style.basedOn === null || depth > 10) return style;
    const parent = resolve(style.basedOn, depth + 1);
    return { ...style, heading: style.heading || parent.heading, list: style.list ?? parent.list };
  };
  return (id) => resolve(id, 0);
}

/** Numbers of the lists of a DOCX. */
export function listNumbersOf(zip: Zip): ListNumbers {
  const abstract = new Map<string, Map<number, ListLevel>>();
  const lists = new Map<string, string>();
  let levels: Map<number, ListLevel> | null = null;
  let level: ListLevel | null = null;
  let list: string | null = null;
  parseAllXml(zip.read('word/numbering.xml'), {
    open(name, attributes) {
      const { val = '' } = attributes;
      if (name === 'abstractNum')
        abstract.set(attributes['abstractNumId'] ?? '', (levels = new Map<number, ListLevel>()));
      else if (name === 'num') list = attributes['numId'] ?? '';
      else if (name === 'abstractNumId' && list !== null) lists.set(list, val);
      else if (name === 'lvl' && list === null) {
        level = { format: 'decimal', text: '', start: 1 };
        levels?.set(Number(attributes['ilvl']), level);
      } else if (level === null) return;
      else if (name === 'start') level.start = Number(val) || 0;
      else if (name === 'numFmt') level.format = val;
      else if (name === 'lvlText') level.text = val;
    },
    close(name) {
      if (name === 'lvl') level = null;
      if (name === 'num') list = null;
    },
  });
  return new ListNumbers((id, at) => abstract.get(lists.get(id) ?? '')?.get(at) ?? null);
}
