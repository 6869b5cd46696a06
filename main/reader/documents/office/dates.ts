const DAY_MS = 86_400_000;
/** Day 0 of Excel's count, which has a 29 February 1900 that never was, and of the other that old Macs had. */
const FROM_1900 = Date.UTC(1899, 11, 30);
const FROM_1904 = Date.UTC(1904, 0, 1);
/** Formats that Excel has by number: ECMA-376 part 1, section 18.8.30, with those of East Asia. */
const DATE_FORMATS = new Set([14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47]);

export function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return DATE_FORMATS.has(id) || (id >= 27 && id <= 36) || (id >= 50 && id <= 58);
  const bare = code.replace(/"[^"]*"|\\.|\[(?!h|m|s)[^\]]*\]/gi, '');
  return /[ymdhs]/i.test(bare) && !/^general$/i.test(bare);
}

/** '2024-03-01', '2024-03-01 09:30:00', or '09:30:00' of less than a day. */
export function dateText(serial: number, isFrom1904: boolean): string | number {
  const time = Math.round(serial * DAY_MS) + (isFrom1904 ? FROM_1904 : FROM_1900);
  const date = new Date(time);
  if (serial < 0 || Number.isNaN(date.getTime()) || date.getUTCFullYear() > 9999) return serial;
  const [day = '', clock = ''] = date.toISOString().slice(0, 19).split('T');
  if (serial < 1) return clock;
  return clock === '00:00:00' ? day : `${day} ${clock}`;
}
