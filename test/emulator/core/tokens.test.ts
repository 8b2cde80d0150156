import { describe, expect, it } from 'vitest';
import { createClock } from './clock.ts';
import { createTokens, type Token } from './tokens.ts';

const HOUR_MS = 3_600_000;

function setup() {
  const clock = createClock(Date.parse('2026-09-01T09:00:00Z'));
  const tokens = createTokens(clock);
  const issue = (facts: Partial<Token> = {}): Token =>
    tokens.issue({
      audience: 'https://api.partnercenter.microsoft.com',
      tenant: 'tenant',
      clientId: 'client',
      kind: 'user',
      mfa: true,
      expiresAt: clock.now() + HOUR_MS,
      ...facts,
    });
  return { clock, tokens, issue };
}

describe('access tokens', () => {
  it('are found until they expire, and only by their exact value', async () => {
    const { clock, tokens, issue } = setup();
    const token = issue();
    expect(tokens.find(token.value)).toMatchObject({ kind: 'user', mfa: true, tenant: 'tenant' });
    expect(tokens.find(`${token.value}x`)).toBeUndefined();
    await clock.advance(HOUR_MS);
    expect(tokens.find(token.value)).toBeUndefined();
  });

  it('can all be ended before their time, yet stay listed as secrets', () => {
    const { tokens, issue } = setup();
    const values = [issue().value, issue().value];
    tokens.expireAll();
    expect(values.map(tokens.find)).toEqual([undefined, undefined]);
    expect(tokens.values()).toEqual(values);
  });

  it('differ from each other, and carry their audience and sign-in method as claims', () => {
    const { issue } = setup();
    const [first, second] = [issue(), issue()];
    expect(first.value).not.toBe(second.value);
    const claims = JSON.parse(Buffer.from(first.value.split('.')[1]!, 'base64url').toString()) as object;
    expect(claims).toMatchObject({
      aud: 'https://api.partnercenter.microsoft.com',
      amr: ['pwd', 'mfa'],
      tid: 'tenant',
    });
  });
});
