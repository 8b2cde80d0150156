import { describe, expect, it } from 'vitest';
import { createAlerts } from '../../../src/lib/alerts.ts';
import type { CaptureContext } from '../../../src/lib/error-reporting.ts';
import { createMemoryLog } from '../../support/memory-log.ts';

function setup() {
  const captured: { error: Error; context: CaptureContext }[] = [];
  const counted: string[] = [];
  const { log, lines } = createMemoryLog();
  const alerts = createAlerts({
    log,
    reporting: { capture: (error, context) => captured.push({ error, context }) },
    count: (code) => counted.push(code),
  });
  return { alerts, captured, counted, lines };
}

describe('attention', () => {
  it('is logged once, counted, and captured as one matter for all subscriptions that it concerns', () => {
    const { alerts, captured, counted, lines } = setup();
    const message = 'The consent has expired: sign in again as the integration user.';
    alerts.attention({ code: 'entra.consent-needed', message, subscriptionId: 50010, step: 'create customer' });

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      level: 'error',
      msg: 'a person has to look',
      code: 'entra.consent-needed',
      reason: message,
      subscriptionId: 50010,
      step: 'create customer',
    });
    expect(counted).toEqual(['entra.consent-needed']);
    expect(captured).toHaveLength(1);
    expect(captured[0]?.error).toMatchObject({ name: 'entra.consent-needed', message });
    expect(captured[0]?.context).toEqual({
      level: 'warning',
      tags: { code: 'entra.consent-needed', subscriptionId: '50010', step: 'create customer' },
      fingerprint: ['entra.consent-needed'],
    });
  });

  it('names the call that failed, with what to quote to the support of the upstream and nobody in its path', () => {
    const { alerts, captured } = setup();
    const call = {
      upstream: 'partner-center',
      method: 'POST',
      path: '/v1/customers/8f2d0c1e-1111-4222-8333-444455556666/carts',
      status: 400,
      upstreamCode: '900117',
      correlationId: 'a-correlation',
      requestId: 'a-request',
    };
    alerts.attention({ code: 'x.y', message: 'Look.', subscriptionId: 50010, call });
    expect(captured[0]?.context).toMatchObject({
      tags: { upstream: 'partner-center', correlationId: 'a-correlation', requestId: 'a-request' },
      contexts: { 'upstream call': { method: 'POST', route: '/v1/customers/{id}/carts', upstreamCode: '900117' } },
    });
    expect(JSON.stringify(captured)).not.toContain('8f2d0c1e');
  });

  it('lets no e-mail address or token leave', () => {
    const { alerts, captured } = setup();
    alerts.attention({ code: 'x.y', message: 'asked mario.rossi@example.it', step: 'Bearer abcdefghijklm' });
    expect(captured[0]?.error.message).toBe('asked [e-mail]');
    expect(captured[0]?.context.tags.step).toBe('Bearer [token]');
  });
});

describe('bug', () => {
  it('is logged with its stack, counted, and captured as it was thrown, to be grouped by its place in the code', () => {
    const { alerts, captured, counted, lines } = setup();
    const error = new TypeError('undefined is not a function');
    alerts.bug(error, { subscriptionId: 50010 });

    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ level: 'error', msg: 'bug', subscriptionId: 50010, err: { stack: error.stack } });
    expect(counted).toEqual(['bug']);
    expect(captured).toEqual([{ error, context: { level: 'error', tags: { code: 'bug', subscriptionId: '50010' } } }]);
  });

  it('makes an error of what is none, without its content', () => {
    const { alerts, captured, lines } = setup();
    alerts.bug({ password: 'hunter2' });
    expect(captured[0]?.error).toBeInstanceOf(Error);
    expect(JSON.stringify([lines, captured[0]?.error.message])).not.toContain('hunter2');
  });
});

it('needs no one to capture', () => {
  const { log, lines } = createMemoryLog();
  const alerts = createAlerts({ log, count: () => {} });
  alerts.attention({ code: 'x.y', message: 'Look.' });
  alerts.bug(new Error('no'));
  expect(lines).toHaveLength(2);
});
