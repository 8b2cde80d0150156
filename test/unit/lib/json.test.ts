import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseForeignJson } from '../../../src/lib/json.ts';

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('JSON of somebody else', () => {
  it('is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseForeignJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  it('may be nested 256 levels deep and no deeper', () => {
    expect(parseForeignJson(nested(256))).toBeInstanceOf(Array);
    expect(() => parseForeignJson(nested(257))).toThrow(SyntaxError);
    expect(() => parseForeignJson(`${'{"a":'.repeat(300_000)}1${'}'.repeat(300_000)}`)).toThrow(SyntaxError);
  });

  it('may hold any brackets in its texts, and many side by side', () => {
    const brackets = { a: '[{'.repeat(1_000), 'b\\"[': '\\"[[[', c: Array.from({ length: 1_000 }, () => [{}]) };
    expect(parseForeignJson(JSON.stringify(brackets))).toEqual(brackets);
  });

  it.each(['', '{', 'undefined', '[1,]', '\ufeff{}'])('is refused where it is none: %j', (text) => {
    expect(() => parseForeignJson(text)).toThrow(SyntaxError);
  });
});
