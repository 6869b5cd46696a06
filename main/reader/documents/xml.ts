import { Parser } from 'htmlparser2';
import { decodeAs, decodeText } from './encoding.ts';
import { unreadable } from './format.ts';

/** Attributes by their names without a prefix. */
export type Attributes = Readonly<Record<string, string>>;
/** Names come without their prefix: `w:p` is 'p'. */
export type XmlHandler = {
  open?(name: string, attributes: Attributes): void;
  text?(text: string): void;
  close?(name: string): void;
};

const CHUNK = 1 << 16;
const DEEPEST = 2_000;

/**
 * Reads XML and tells the handler of it, a chunk at a time: what has come together can be taken between two of them. A
 * document type is refused, since nothing that offices write has one and entities of its own could grow without end.
 * @throws document-unreadable
 */
export function* parseXml(bytes: Uint8Array, handler: XmlHandler): Generator<void, void> {
  const text = textOf(bytes);
  let depth = 0;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (++depth > DEEPEST) throw unreadable(`its XML is more than ${DEEPEST} elements deep`);
        handler.open?.(bare(name), withoutPrefixes(attributes));
      },
      ontext: (piece) => handler.text?.(piece),
      onclosetag(name) {
        depth--;
        handler.close?.(bare(name));
      },
      onprocessinginstruction(name) {
        if (/^!doctype/i.test(name)) throw unreadable('its XML has a document type');
      },
    },
    { xmlMode: true },
  );
  for (let at = 0; at < text.length; at += CHUNK) {
    parser.write(text.slice(at, at + CHUNK));
    yield;
  }
  parser.end();
  yield;
}

/** As `parseXml`, at once: for small files beside the text. */
export function parseAllXml(bytes: Uint8Array | null, handler: XmlHandler): void {
  if (bytes === null) return;
  const steps = parseXml(bytes, handler);
  while (steps.next().done !== true);
}

function textOf(bytes: Uint8Array): string {
  const declared = /^<\?xml[^>]*encoding=["']([\w-]+)["']/.exec(
    Buffer.from(bytes.subarray(0, 200)).toString('latin1'),
  )?.[1];
  return declared === undefined || /^utf-?16$/i.test(declared) ? decodeText(bytes).text : decodeAs(bytes, declared);
}

function bare(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** Where attributes differ in their prefix only, as `id` and `r:id`, the first that has one keeps it. */
function withoutPrefixes(attributes: Record<string, string>): Attributes {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const short = bare(name);
    found[short in found || (short !== name && short in attributes) ? name : short] = value;
  }
  return found;
}
