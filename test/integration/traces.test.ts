import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest';
import { type Emulators, startEmulators } from '../emulator/emulators.ts';
import { receiveEnvelopes } from '../support/sentry.ts';
import { type RunningService, startService } from '../support/service.ts';

const LIFE_MS = 60_000;

interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  kind: number;
  links?: { traceId: string }[];
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
}

interface Export {
  resourceSpans: { scopeSpans: { spans: ReceivedSpan[] }[] }[];
}

/** A collector that keeps what it is sent with the header that it asks for. */
async function startCollector() {
  const received: string[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'connector-traces-'));
  const headersFile = join(folder, 'headers');
  writeFileSync(headersFile, 'authorization=Bearer%20of%20the%20collector\n');
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks);
      if (request.url === '/v1/traces' && request.headers.authorization === 'Bearer of the collector')
        received.push(String(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
      response.setHeader('content-type', 'application/json').end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    headersFile,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans: () =>
      received.flatMap((body) =>
        (JSON.parse(body) as Export).resourceSpans.flatMap(({ scopeSpans }) =>
          scopeSpans.flatMap(({ spans }) => spans),
        ),
      ),
    raw: () => received.join('\n'),
    close() {
      server.closeAllConnections();
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

let emulators: Emulators;
let collector: Awaited<ReturnType<typeof startCollector>>;
let sentry: Awaited<ReturnType<typeof receiveEnvelopes>>;
let services: RunningService[];
let id: number;
let spans: ReceivedSpan[];

/** One life of an order, from its event to its delivery, through a process that takes events and one that works. */
beforeAll(async () => {
  emulators = await startEmulators();
  collector = await startCollector();
  sentry = await receiveEnvelopes();
  const environment = {
    ...emulators.environment(),
    REDIS_URL: inject('redisUrl'),
    REDIS_PREFIX: `test-${randomUUID()}`,
    POLL_EVERY_MS: '60',
    RETRY_BASE_MS: '50',
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS_FILE: collector.headersFile,
    SENTRY_DSN: sentry.dsn,
  };
  services = await Promise.all(['web', 'worker'].map((ROLE) => startService({ ...environment, ROLE })));
  const [web, worker] = services as [RunningService, RunningService];
  await vi.waitFor(() => expect(worker.output()).toContain('sweep finished'), { timeout: LIFE_MS });
  emulators.connectTo(web.url);
  emulators.partnerCenter.acceptAllAttestations(true);
  emulators.partnerCenter.setOrderDelayMs(200);
  id = emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1301, licenses: 3, paid: true });
  await emulators.cloudesire.whenStatus(id, 'DEPLOYED', LIFE_MS);
  const body = { code: 800_999, description: 'no' };
  emulators.faults.inject({
    server: 'partner-center',
    path: '/carts',
    kind: 'status',
    status: 400,
    body,
    times: 1_000,
  });
  emulators.cloudesire.placeOrder({ plan: 2101, buyer: 1302, licenses: 3, paid: true });
  await vi.waitFor(() => expect(sentry.raw()).toContain('partner-center.refused'), { timeout: LIFE_MS });
  // What is not sent yet is sent at the end.
  expect(await Promise.all(services.map((service) => service.end('SIGTERM')))).toEqual([0, 0]);
  spans = collector.spans();
});

afterAll(async () => {
  await Promise.all(services.map((service) => service.end('SIGKILL')));
  collector.close();
  sentry.close();
  await emulators.close();
});

function attribute(span: ReceivedSpan, key: string): string | undefined {
  const value = span.attributes.find((one) => one.key === key)?.value;
  return value === undefined ? undefined : String(value.stringValue ?? value.intValue);
}

/** Names from a span up to the beginning of its trace. */
function wayUp(span: ReceivedSpan): string[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [span.name, ...(parent ? wayUp(parent) : [])];
}

it('leads in one trace from the event, through the queue and its looks, to the report', () => {
  const report = spans.find(({ name }) => name === 'report deployed')!;
  const way = wayUp(report);
  // One look leads to the next: how many it takes depends on when Microsoft is done.
  expect(way.filter((name, at) => name !== way[at - 1])).toEqual([
    'report deployed',
    'look',
    'send looks',
    'POST /event',
  ]);
  const together = spans.filter(({ traceId }) => traceId === report.traceId);
  for (const look of together.filter(({ name }) => name === 'look'))
    expect(attribute(look, 'connector.subscription.id')).toBe(String(id));
  // The order takes its time, so that it took several looks.
  expect(together.filter(({ name }) => name === 'look').length).toBeGreaterThan(1);
  expect(together.filter(({ parentSpanId }) => parentSpanId === undefined || parentSpanId === '')).toHaveLength(1);
});

it('holds each call within the step that made it, as a client does that follows the conventions', () => {
  const calls = spans.filter(({ kind }) => kind === 3);
  const cart = calls.find(({ name }) => name === 'POST /v1/customers/{id}/carts/{id}/checkout')!;
  expect(wayUp(cart).slice(1, 3)).toEqual([expect.stringMatching(/^check out cart/), 'look']);
  expect(attribute(cart, 'http.request.method')).toBe('POST');
  expect(attribute(cart, 'peer.service')).toBe('partner-center');
  expect(attribute(cart, 'http.response.status_code')).toMatch(/^20\d$/);
  expect(attribute(cart, 'connector.correlation_id')).toMatch(/\w/);
});

it('is named by what goes to Sentry', () => {
  const told = sentry.items('event').find(({ tags }) => (tags as { code: string }).code === 'partner-center.refused');
  const { trace } = told!.contexts as { trace: { trace_id: string } };
  expect(spans.filter(({ traceId }) => traceId === trace.trace_id).map(({ name }) => name)).toContain('look');
});

it('holds no secret, nothing of any person, and no health check', () => {
  const secrets = emulators.secrets().filter((secret) => secret.length > 3);
  expect(spans.length).toBeGreaterThan(20);
  expect(secrets.filter((secret) => collector.raw().includes(secret))).toEqual([]);
  expect(spans.map(({ name }) => name).filter((name) => /health|metrics/.test(name))).toEqual([]);
});
