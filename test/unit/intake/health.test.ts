import { describe, expect, it } from 'vitest';
import { type HealthParts, healthRoutes } from '../../../src/intake/health.ts';
import { RetryableError } from '../../../src/lib/errors.ts';
import { createMemoryLog } from '../../support/memory-log.ts';
import { startStopwatch } from '../../support/stopwatch.ts';
import { serve } from './serve.ts';

async function setup(overrides: Partial<HealthParts> = {}) {
  const { log, lines } = createMemoryLog();
  const parts: HealthParts = { checks: {}, notes: async () => [], isStopping: () => false, log, ...overrides };
  const { url } = await serve((app) => app.register(healthRoutes, parts));
  async function get(path: string): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${url}${path}`);
    return { status: response.status, body: await response.json() };
  }
  return { get, lines };
}

describe('GET /health/ready', () => {
  it('answers 200 when every check is well', async () => {
    const { get } = await setup({ checks: { redis: async () => undefined, worker: async () => undefined } });
    expect(await get('/health/ready')).toEqual({
      status: 200,
      body: { status: 'ok', checks: { redis: 'ok', worker: 'ok' }, notes: [] },
    });
  });

  it('is ready in spite of what is only worth a note', async () => {
    const { get } = await setup({ notes: async () => ['PARTNER_CENTER_REFRESH_TOKEN is missing'] });
    expect(await get('/health/ready')).toMatchObject({
      status: 200,
      body: { notes: ['PARTNER_CENTER_REFRESH_TOKEN is missing'] },
    });
  });

  it('answers 503 and says what is not ready', async () => {
    const { get } = await setup({
      checks: { redis: async () => 'Redis takes no writes.', worker: async () => undefined },
    });
    expect(await get('/health/ready')).toEqual({
      status: 503,
      body: { status: 'not-ready', checks: { redis: 'Redis takes no writes.', worker: 'ok' }, notes: [] },
    });
  });

  it('tells nothing of a foreign error but that there was one; the log has it', async () => {
    const { get, lines } = await setup({
      checks: {
        redis: () => Promise.reject(new Error('connect redis://:hunter2@10.0.0.5')),
        worker: () => {
          throw new RetryableError('worker.stalled', 'The worker has not looked for work for a minute.');
        },
      },
    });
    expect(await get('/health/ready')).toEqual({
      status: 503,
      body: {
        status: 'not-ready',
        checks: {
          redis: 'The check failed; the log says why.',
          worker: 'The worker has not looked for work for a minute.',
        },
        notes: [],
      },
    });
    expect(new Set(lines.map(({ check }) => check))).toEqual(new Set(['redis', 'worker']));
  });

  it('waits a second for a check, not longer, and for all of them at the same time', async () => {
    const never = () => new Promise<undefined>(() => {});
    const { get } = await setup({ checks: { first: never, second: never, third: async () => undefined } });
    const tookMs = startStopwatch();
    const { status, body } = await get('/health/ready');
    expect(tookMs()).toBeLessThan(1_900);
    expect(status).toBe(503);
    const slow = 'There was no result within 1000 ms.';
    expect(body).toMatchObject({ status: 'not-ready', checks: { first: slow, second: slow, third: 'ok' } });
  });

  it('answers 503 at once while stopping, without a check', async () => {
    let checked = 0;
    const { get } = await setup({
      isStopping: () => true,
      checks: {
        redis: async () => {
          checked += 1;
          return undefined;
        },
      },
    });
    expect(await get('/health/ready')).toEqual({ status: 503, body: { status: 'stopping', checks: {} } });
    expect(checked).toBe(0);
  });
});

describe('GET /health/live', () => {
  it('answers 200 also when nothing is ready', async () => {
    const { get } = await setup({ isStopping: () => true, checks: { redis: async () => 'Redis is away.' } });
    expect(await get('/health/live')).toEqual({ status: 200, body: { status: 'ok' } });
  });
});
