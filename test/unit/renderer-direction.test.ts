import { describe, expect, it } from 'vitest';
import { directionOf } from '../../renderer/app/direction.ts';

describe('the direction of a field', () => {
  it.each([
    ['', 'ltr'],
    ['123 …', 'ltr'],
    ['Hello مرحبا', 'ltr'],
    ['مرحبا Hello', 'rtl'],
    ['1. «שלום» world', 'rtl'],
    ['你好 مرحبا', 'ltr'],
    ['𞤀𞤣𞤤𞤢𞤥 a', 'rtl'],
  ])('of %j is %s', (text, direction) => {
    expect(directionOf(text)).toBe(direction);
  });
});
