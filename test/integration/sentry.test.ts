import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, inject, it, vi } from 'vitest';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { type ReceivedEnvelopes, receiveEnvelopes } from '../support/sentry.ts';
import { type RunningService, startService } from '../support/service.ts';

/** A life takes seconds; a slow machine may need much longer. */
const LIFE_MS = 120_000;
const PATIENTLY = { timeout: LIFE_MS, interval: 50 };

let emulators: Emulators;
let sentry: ReceivedEnvelopes;
let service: RunningService;

beforeAll(async () => {
  emulators = await startEmulators();
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(100);
  sentry = await receiveEnvelopes();
  service = await startService({
    ...emulators.environment(),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: `test-${randomUUID()}`,
    POLL_EVERY_MS: '60',
    RETRY_BASE_MS: '50',
    SENTRY_DSN: sentry.dsn,
    SENTRY_ENVIRONMENT: 'test',
  });
  emulators.connectTo(service.url);
});

afterEach(() => emulators.faults.clear());

afterAll(async () => {
  await service.end('SIGKILL');
  sentry.close();
  await emulators.close();
});

interface Event {
  level: string;
  tags: Record<string, string>;
  fingerprint?: string[];
  breadcrumbs?: { data: Record<string, unknown> }[];
  contexts: Record<string, Record<string, unknown>>;
  release: string;
}

const events = () => sentry.items('event') as unknown as Event[];
const eventsOf = (subscriptionId: number) =>
  events().filter(({ tags }) => tags.subscriptionId === String(subscriptionId));
const buy = (buyer: number) => emulators.cloudesire.placeOrder({ plan: 2101, buyer, licenses: 3, paid: true });

it('hears nothing of an upstream that fails for a moment, as long as it is tried again', async () => {
  emulators.faults.inject({ server: 'partner-center', kind: 'status', status: 500, times: 2 });
  const id = buy(1301);
  await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
  expect(service.output()).toContain('step will be retried');
  expect(eventsOf(id)).toEqual([]);
});

it('is told of orders that need a person, each with its own calls and what to quote to Microsoft', async () => {
  const refusal = { kind: 'status', status: 400, body: { code: 800999, description: 'no' } } as const;
  emulators.faults.inject({ server: 'partner-center', method: 'POST', path: '/carts', times: 1_000, ...refusal });
  const ids = [buy(1301), buy(1302)];
  await vi.waitFor(() => {
    for (const id of ids) expect(eventsOf(id)).toHaveLength(1);
  }, PATIENTLY);

  const told = ids.map((id) => eventsOf(id)[0]!);
  const calls = told.map(({ breadcrumbs = [] }) => breadcrumbs.map(({ data }) => data));
  for (const [at, event] of told.entries()) {
    expect(event).toMatchObject({
      level: 'warning',
      environment: 'test',
      release: expect.stringMatching(/^microsoft-connector@/),
      fingerprint: [event.tags.code],
      tags: { productType: 'license', operation: 'provision', upstream: 'partner-center', step: expect.any(String) },
      contexts: { 'upstream call': { method: 'POST', route: '/v1/customers/{id}/carts', status: '400' } },
    });
    expect(calls[at]?.at(-1)).toMatchObject({ route: '/v1/customers/{id}/carts', status: 400 });
    expect(calls[at]?.at(-1)?.correlationId).toBe(event.tags.correlationId);
  }
  const correlations = calls.map((made) => made.map(({ correlationId }) => correlationId));
  for (const seen of correlations) expect(seen.length).toBeGreaterThan(2);
  expect(new Set(correlations.flat()).size).toBe(correlations.flat().length);
});

it('is told by the sweep that it began and that it ended', async () => {
  await vi.waitFor(() => expect(sentry.items('check_in').length).toBeGreaterThan(1), PATIENTLY);
  expect(sentry.items('check_in').slice(0, 2)).toMatchObject([
    { monitor_slug: 'sweep', status: 'in_progress', monitor_config: { schedule: { value: 60, unit: 'minute' } } },
    { monitor_slug: 'sweep', status: 'ok' },
  ]);
});

it('was sent no secret and nothing of any person', () => {
  const secrets = emulators.secrets().filter((secret) => secret.length > 3);
  expect(secrets.length).toBeGreaterThan(20);
  expect(events().length).toBeGreaterThan(1);
  expect(secrets.filter((secret) => sentry.raw().includes(secret))).toEqual([]);
});
