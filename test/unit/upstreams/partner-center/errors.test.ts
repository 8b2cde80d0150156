import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AttentionError, ConnectorError, PermanentError, RetryableError } from '../../../../src/lib/errors.ts';
import type { Answer } from '../../../../src/upstreams/http.ts';
import { cartLineError, codeOf, orderError, refusalOf } from '../../../../src/upstreams/partner-center/errors.ts';
import { type Exchange, fixture } from '../fixtures.ts';

function answer(status: number, body: unknown): Answer {
  const facts = {
    upstream: 'partner-center',
    method: 'POST',
    path: '/v1/customers/c1/carts',
    status,
    correlationId: 'c-9',
  };
  return { status, headers: {}, body, facts, effect: 'unknown' };
}

describe('refusals', () => {
  it('the same number means another thing under another status', () => {
    expect(refusalOf(answer(404, { code: 20000 }))).toBeInstanceOf(RetryableError);
    expect(refusalOf(answer(400, { code: 20000 }))).toBeInstanceOf(AttentionError);
    expect(refusalOf(answer(403, { code: 900117 }))).toMatchObject({ code: 'partner-center.refused' });
  });

  it('names to the customer which data to correct, and nothing more', () => {
    expect(refusalOf(answer(400, { code: 600050 }))).toMatchObject({ params: { fields: 'registrationNumber' } });
    expect(refusalOf(answer(400, { code: 600051 }))).toMatchObject({ params: { fields: 'phoneNumber' } });
  });

  it.each([
    [400, 'unknown code', { code: 123456 }],
    [400, 'no body', undefined],
    [403, 'a body of the gateway', { statusCode: 403, message: 'Forbidden' }],
    [418, 'a list', []],
    [404, 'a code that is none', { code: { deep: true } }],
  ])('%i with %s is for a person, and does not claim that nothing happened', (status, _, body) => {
    const error = refusalOf(answer(status, body));
    expect(error).toBeInstanceOf(AttentionError);
    expect(error).toMatchObject({ code: 'partner-center.refused', effect: 'unknown' });
  });

  it('without a code, nobody is sent to look one up', () => {
    expect(refusalOf(answer(403, undefined))?.message).toMatch(
      /Microsoft gave no reason for refusing POST customers\/carts: ask the support of Partner Center, and quote the correlation id\.$/,
    );
    expect(refusalOf(answer(403, { code: 123456 }))?.message).toMatch(/look the code up/);
  });

  it('a sentence in the place of a code goes nowhere', () => {
    const error = refusalOf(answer(409, { code: 'Giulia Ferri may not' }));
    expect(error).toMatchObject({ code: 'partner-center.conflict' });
    expect(error?.facts).not.toHaveProperty('upstreamCode');
  });

  it('a conflict is always looked at again', () => {
    expect(refusalOf(answer(409, undefined))).toMatchObject({
      code: 'partner-center.conflict',
      effect: 'unknown',
      retryAfterMs: 120_000,
    });
    expect(refusalOf(answer(409, { code: 900278 }))).toMatchObject({ retryAfterMs: 900_000 });
  });

  it.each([
    [400, 900277, 'Microsoft to process the end of the term'],
    [409, 900278, 'Microsoft to finish another operation'],
    [403, 800074, 'Microsoft to review the account'],
    [400, 800081, 'the customer to activate'],
  ])('a long pause after %i %i says what is waited for, without the call', (status, code, words) => {
    const { waitingFor } = refusalOf(answer(status, { code })) as RetryableError;
    expect(waitingFor).toContain(words);
    expect(waitingFor).not.toMatch(/refused|\/v1\/|\d{4}/);
  });

  it.each([408, 500, 502, 503, 504])('%i is left to the rule for upstreams that are away', (status) => {
    expect(refusalOf(answer(status, { code: 800003 }))).toBeUndefined();
  });

  it('say what was refused, code, identifier and the way out, and nothing that Microsoft wrote', () => {
    const error = refusalOf(answer(403, { code: 900121, description: 'Giulia Ferri has no credit' }));
    expect(error?.message).toBe(
      "Partner Center refused POST /v1/customers/c1/carts (403, code 900121, correlation id c-9). The partner's credit line is too low: have Microsoft raise it, or pay open invoices.",
    );
  });

  it.each(fixture<{ exchanges: Exchange[] }>('partner-center/errors').exchanges.map((one) => [one.name, one] as const))(
    'the recorded refusal %s has a code that is understood',
    (_, { response }) => {
      if (response.status === 429) return;
      const { status, body } = response;
      const error = refusalOf(answer(status, body));
      if (status >= 500) expect(error).toBeUndefined();
      else if (status !== 401) expect(error?.facts.upstreamCode).toBe(codeOf(answer(status, body)));
    },
  );

  it('any answer leads to a decision, never to an exception', () => {
    fc.assert(
      fc.property(fc.integer({ min: 400, max: 499 }), fc.jsonValue(), (status, body) => {
        const error = refusalOf(answer(status, body));
        if (status !== 408) expect(error).toBeInstanceOf(ConnectorError);
      }),
    );
  });
});

describe('faults inside a success', () => {
  it('of a cart line: changed items are looked up anew, the rest is for a person', () => {
    expect(cartLineError({ code: '10001', description: '' })).toBeInstanceOf(RetryableError);
    expect(cartLineError({ code: '10001', description: '' })).toMatchObject({
      code: 'partner-center.10001',
      effect: 'none',
    });
    for (const [code, expected] of [
      ['10002', '10002'],
      ['10016', '10016'],
      ['10017', '10017'],
      ['400041', '400041'],
      ['77', 'refused'],
      ['constructor', 'refused'],
    ] as const) {
      const error = cartLineError({ code, description: 'Giulia' });
      expect(error).toBeInstanceOf(AttentionError);
      expect(error).toMatchObject({
        code: `partner-center.${expected}`,
        effect: 'none',
        facts: { upstreamCode: code },
      });
      expect(error.message).not.toContain('Giulia');
    }
  });

  it('of an order: decided by the code alone, never claiming that nothing happened', () => {
    expect(orderError({ code: '900121', description: '' })).toBeInstanceOf(AttentionError);
    expect(orderError({ code: '900121', description: '' })).toMatchObject({
      code: 'partner-center.900121',
      effect: 'unknown',
    });
    expect(orderError({ code: '800060', description: '' })).toBeInstanceOf(RetryableError);
    expect(orderError({ code: '900322', description: '' })).toBeInstanceOf(PermanentError);
    expect(orderError({ code: '77', description: '' })).toBeInstanceOf(AttentionError);
    expect(orderError({ code: '77', description: '' })).toMatchObject({
      code: 'partner-center.refused',
      facts: { upstreamCode: '77' },
    });
  });
});
