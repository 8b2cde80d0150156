import { describe, expect, it } from 'vitest';
import { readJson } from '../../../src/intake/json.ts';

const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;

describe('a body', () => {
  it('is read alike as text and as bytes', () => {
    for (const text of ['{"a":"è"}', '7', 'null', nested(256)]) {
      expect(readJson(text)).toEqual(JSON.parse(text));
      expect(readJson(Buffer.from(text))).toEqual(JSON.parse(text));
    }
  });

  it.each([
    ['nothing', undefined],
    ['an empty text', ''],
    ['half a document', '{"a":'],
    ['another character set', Buffer.from([0x22, 0xe8, 0x22])],
    ['what is nested too deeply', nested(257)],
    ['the same as bytes', Buffer.from(nested(300_000))],
    ['what is no body', { a: 1 }],
  ])('says nothing where it is %s', (_what, body) => {
    expect(readJson(body)).toBeUndefined();
  });
});
