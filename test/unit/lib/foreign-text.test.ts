import { expect, it } from 'vitest';
import { AttentionError } from '../../../src/lib/errors.ts';
import { nameIn } from '../../../src/lib/foreign-text.ts';

const OVERRIDES = [0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2066, 0x2067, 0x2068, 0x2069].map((code) =>
  String.fromCodePoint(code),
);

it.each(OVERRIDES)('no message reads otherwise than it is written (%j)', (override) => {
  const { message } = new AttentionError('plan.not-configured', `Plan 2101 (Basic${override}drow) lacks offerId.`);
  expect(message).toBe('Plan 2101 (Basicdrow) lacks offerId.');
});

it('a name is one line of 80 characters at most, and no letter is cut in two', () => {
  expect(nameIn(' Basic\n\u0007 \u202eyearly ')).toBe('Basic yearly');
  expect(nameIn('x'.repeat(80))).toBe('x'.repeat(80));
  expect(nameIn('x'.repeat(500))).toBe(`${'x'.repeat(79)}…`);
  expect(nameIn('\u{1f600}'.repeat(81))).toBe(`${'\u{1f600}'.repeat(39)}…`);
});
