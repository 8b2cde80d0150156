import { describe, expect, it } from 'vitest';
import { AttentionError, PermanentError, RetryableError, ThrottledError } from '../../../../src/lib/errors.ts';
import { createRotatingSecret } from '../../../support/rotating-secret.ts';
import type { Reply } from '../fake-upstream.ts';
import { fixture } from '../fixtures.ts';
import { startMarketplace } from './marketplace.ts';

/** The error of a report of status that is refused like this. */
async function refusal(reply: Reply): Promise<unknown> {
  const { subscriptions } = await startMarketplace(() => reply);
  return subscriptions.setStatus(50010, 'DEPLOYED').catch((thrown: unknown) => thrown);
}

interface RecordedRefusal {
  status: number;
  headers: Record<string, string>;
  body: unknown;
}

describe('every call', () => {
  it('names token, version and caller', async () => {
    const { customers, subscriptions, received } = await startMarketplace(() => ({ json: { id: 41 } }));
    await customers.me();
    await subscriptions.setStatus(1, 'FAILED');
    for (const call of received) {
      expect(call.query).toEqual({ apiVersion: '20250109' });
      expect(call.headers).toMatchObject({
        'cmw-auth-token': 'perm-token',
        accept: 'application/json',
        'user-agent': 'microsoft-connector',
      });
    }
    expect(received[0]?.path).toBe('/api/user/me');
  });
});

describe('a token that was replaced', () => {
  it('is refused once, and the call repeated with the new one', async () => {
    const { subscriptions, received } = await startMarketplace(
      ({ headers }) => (headers['cmw-auth-token'] === 'new' ? {} : { status: 401 }),
      createRotatingSecret('old', 'new'),
    );
    await subscriptions.setStatus(50010, 'DEPLOYED');
    await subscriptions.setStatus(50011, 'DEPLOYED');
    expect(received.map(({ headers }) => headers['cmw-auth-token'])).toEqual(['old', 'new', 'new']);
  });
});

describe('refusals', () => {
  it.each([
    [400, PermanentError, 'cloudesire.refused', 'none'],
    [405, PermanentError, 'cloudesire.refused', 'none'],
    [422, PermanentError, 'cloudesire.refused', 'none'],
    [401, AttentionError, 'cloudesire.unauthorized', 'none'],
    [403, AttentionError, 'cloudesire.forbidden', 'none'],
    [404, PermanentError, 'cloudesire.not-found', 'none'],
    [409, RetryableError, 'cloudesire.conflict', 'unknown'],
    [423, RetryableError, 'cloudesire.locked', 'none'],
    [500, RetryableError, 'cloudesire.unavailable', 'unknown'],
    [503, RetryableError, 'cloudesire.unavailable', 'unknown'],
    [418, AttentionError, 'cloudesire.unexplained', 'unknown'],
  ])('%i is decided once', async (status, kind, code, effect) => {
    const error = await refusal({ status, text: '' });
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({
      code,
      effect,
      curedBy: status === 401 ? 'setting' : undefined,
      facts: { upstream: 'cloudesire', method: 'PATCH', path: '/subscription/50010', status },
    });
  });

  it.each(fixture<RecordedRefusal[]>('cloudesire/error-responses').map((reply) => [reply.status, reply] as const))(
    'reads a recorded %i',
    async (status, { headers, body }) => {
      const error = await refusal({ status, headers, ...(typeof body === 'string' ? { text: body } : { json: body }) });
      expect(error).toMatchObject({ facts: { status } });
    },
  );

  it('is in no hurry after a lock-out', async () => {
    expect(await refusal({ status: 423 })).toMatchObject({ retryAfterMs: 600_000 });
  });

  it('waits as long as the rate limiter says', async () => {
    const error = await refusal({ status: 429, headers: { 'X-Rate-Limit-Retry-After-Milliseconds': '1500' } });
    expect(error).toBeInstanceOf(ThrottledError);
    expect(error).toMatchObject({ code: 'cloudesire.throttled', retryAfterMs: 1_500 });
  });

  it("quotes Cloudesire's reason and its identifier of the call", async () => {
    const headers = { 'CMW-Request-Id': '9b1d77c2' };
    const error = await refusal({
      status: 422,
      headers,
      json: { errorHolders: [{ key: 'x', error: 'The requested transition is not possible' }] },
    });
    expect(error).toMatchObject({
      message: expect.stringMatching(/request 9b1d77c2\): "The requested transition is not possible"/),
      facts: { correlationId: '9b1d77c2' },
    });
    expect(await refusal({ status: 400, json: { errors: ['Too late.'] } })).toMatchObject({
      message: expect.stringMatching(/"Too late\."/),
    });
  });

  it('quotes no e-mail address, no telephone and no other long number, and not more than 200 characters', async () => {
    const error = await refusal({
      status: 400,
      json: {
        errors: [
          `giulia.ferri@officineverdi.example (+39 030 555 0142, IT12345678903) exceeds 12345 ${'x'.repeat(500)}`,
        ],
      },
    });
    const quote = /"(.*)"/.exec(String(error))?.[1] ?? '';
    expect(quote).toMatch(/^… \(…, IT…\) exceeds 12345 x+$/);
    expect(quote).toHaveLength(200);
  });

  it('quotes nothing when the request held a secret', async () => {
    const { subscriptions } = await startMarketplace(() => ({
      status: 400,
      json: { errors: ['Value Zq7!vT2m is too short'] },
    }));
    const credentials = [{ key: 'password', value: 'Zq7!vT2m', weight: 1, description: { en: 'Password' } }];
    const error = await subscriptions.setCredentials(1, credentials).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'cloudesire.refused' });
    expect(String(error)).not.toContain('Zq7');
  });
});
