import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  AttentionError,
  ConnectorError,
  CustomerError,
  PermanentError,
  RetryableError,
} from '../../../../src/lib/errors.ts';
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

/** [status, code, kind, effect, code of the error when it is not partner-center.<code>] */
const DECISIONS: [number, number, typeof RetryableError | typeof AttentionError, 'none' | 'unknown', string?][] = [
  [403, 900329, AttentionError, 'none'],
  [403, 900308, AttentionError, 'none'],
  [400, 900127, PermanentError, 'none'],
  [400, 600002, CustomerError, 'none', 'customer.data-refused'],
  [400, 600049, CustomerError, 'none', 'customer.data-refused'],
  [400, 600050, CustomerError, 'none', 'customer.data-refused'],
  [400, 600051, CustomerError, 'none', 'customer.data-refused'],
  [403, 600006, AttentionError, 'none'],
  [404, 60003, AttentionError, 'none'],
  [403, 20002, AttentionError, 'none'],
  [403, 800073, RetryableError, 'none'],
  [403, 800074, RetryableError, 'none'],
  [403, 800075, AttentionError, 'none'],
  [403, 13605, AttentionError, 'none'],
  [404, 400019, AttentionError, 'none'],
  [400, 800065, RetryableError, 'unknown'],
  [409, 800064, RetryableError, 'unknown'],
  [409, 800060, RetryableError, 'unknown'],
  [409, 800014, RetryableError, 'unknown'],
  [409, 800082, RetryableError, 'unknown'],
  [409, 27009, RetryableError, 'unknown'],
  [403, 900121, AttentionError, 'none'],
  [403, 900322, PermanentError, 'none'],
  [404, 20000, RetryableError, 'none'],
  [400, 20000, AttentionError, 'none'],
  [404, 20003, AttentionError, 'none'],
  [400, 2055, RetryableError, 'none'],
  [412, 2055, RetryableError, 'none'],
  [400, 800090, PermanentError, 'none'],
  [400, 900117, PermanentError, 'none'],
  [400, 900213, PermanentError, 'none'],
  [400, 900277, RetryableError, 'none'],
  [409, 900278, RetryableError, 'unknown'],
  [400, 900311, AttentionError, 'none'],
  [400, 2001, AttentionError, 'none'],
  [400, 800091, AttentionError, 'none'],
  [400, 2002, AttentionError, 'none'],
  [400, 900275, AttentionError, 'none'],
  [403, 800067, AttentionError, 'none'],
  [403, 800088, AttentionError, 'none'],
  [403, 800089, AttentionError, 'none'],
  [400, 900214, PermanentError, 'none'],
  [400, 900257, PermanentError, 'none'],
  [400, 2011, PermanentError, 'none'],
  [400, 900279, PermanentError, 'none'],
  [400, 800093, PermanentError, 'none'],
  [400, 800095, PermanentError, 'none'],
  [400, 800096, PermanentError, 'none'],
  [400, 800097, PermanentError, 'none'],
  [400, 800098, PermanentError, 'none'],
  [400, 900280, RetryableError, 'none'],
  [400, 800081, RetryableError, 'none'],
  [400, 2054, AttentionError, 'none'],
  [400, 800107, AttentionError, 'none'],
  [400, 800121, AttentionError, 'none'],
  [400, 800122, AttentionError, 'none'],
  [400, 900236, AttentionError, 'none'],
  [400, 900258, AttentionError, 'none'],
  [400, 900259, AttentionError, 'none'],
  [400, 900260, AttentionError, 'none'],
  [400, 900261, AttentionError, 'none'],
  [400, 900267, AttentionError, 'none'],
  [400, 900268, AttentionError, 'none'],
  [400, 900269, AttentionError, 'none'],
  [400, 900270, AttentionError, 'none'],
  [400, 900242, AttentionError, 'none'],
  [400, 900244, AttentionError, 'none'],
  [400, 900245, AttentionError, 'none'],
  [400, 900246, AttentionError, 'none'],
  [403, 900263, AttentionError, 'none'],
  [403, 900123, AttentionError, 'none'],
  [403, 900124, AttentionError, 'none'],
  [403, 800039, AttentionError, 'none'],
  [403, 900149, AttentionError, 'none'],
  [403, 900159, AttentionError, 'none'],
  [404, 800015, AttentionError, 'none'],
  [404, 2072, AttentionError, 'none'],
  [400, 800016, AttentionError, 'none'],
  [400, 900154, AttentionError, 'none'],
  [400, 2200, AttentionError, 'none'],
  [400, 2201, AttentionError, 'none'],
  [400, 2203, AttentionError, 'none'],
  [400, 2204, AttentionError, 'none'],
  [417, 800036, PermanentError, 'none'],
  [501, 0, PermanentError, 'none'],
];

describe('refusals', () => {
  it.each(DECISIONS)('%i %i is decided once', (status, number, kind, effect, code = `partner-center.${number}`) => {
    for (const body of [
      { code: number },
      { code: String(number) },
      { Code: number, message: 'x', isRetryable: false },
    ]) {
      const error = refusalOf(answer(status, body));
      expect(error).toBeInstanceOf(kind);
      expect(error).toMatchObject({ code, effect, facts: { upstreamCode: String(number), status } });
    }
  });

  it('the same number means another thing under another status', () => {
    expect(refusalOf(answer(404, { code: 20000 }))).toBeInstanceOf(RetryableError);
    expect(refusalOf(answer(400, { code: 20000 }))).toBeInstanceOf(AttentionError);
    expect(refusalOf(answer(403, { code: 900117 }))).toMatchObject({ code: 'partner-center.refused' });
  });

  it.each([
    [403, 900123, 'reseller'],
    [403, 900124, 'Our own company'],
    [400, 2201, 'region'],
    [400, 800095, 'seats'],
    [400, 800096, 'ended with its term'],
    [400, 800098, 'reseller'],
    [400, 900258, 'take the seats'],
    [400, 900261, 'not ready yet'],
    [400, 900267, 'duration'],
    [400, 900246, 'end of the term'],
    [403, 13605, 'Customer Agreement'],
    [403, 800074, 'reviews the customer'],
  ])('%i %i says what it is about: %s', (status, code, words) => {
    expect(refusalOf(answer(status, { code }))?.message).toContain(words);
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
