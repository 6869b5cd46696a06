const SEGMENT_CHARACTERS = 262_144;
/** Characters below U+0300 are composed already, whatever stands beside them. */
const mayChange = /[^\u0000-\u02ff]/;

/** The composed form (NFC) of a text, in segments, so that a long document can be interrupted between them. */
export function* nfcSegments(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    const end = segmentEnd(text, start);
    const segment = text.slice(start, end);
    yield mayChange.test(segment) ? segment.normalize('NFC') : segment;
    start = end;
  }
}

/** ASCII and the common Han characters never join what stands before them, so a text may be cut in front of one. */
function segmentEnd(text: string, start: number): number {
  for (let end = start + SEGMENT_CHARACTERS; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code < 0x80 || (code >= 0x4e00 && code <= 0x9fff)) return end;
  }
  return text.length;
}
