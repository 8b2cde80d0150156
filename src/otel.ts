import { AsyncLocalStorage } from 'node:async_hooks';
import { hostname } from 'node:os';
import { type Attributes, ROOT_CONTEXT, type SpanContext, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { LaneLostError } from './engine/journal.ts';
import { Stopping, Suspended } from './engine/workflow.ts';
import { compact } from './lib/compact.ts';
import { ConnectorError } from './lib/errors.ts';
import { scrub } from './lib/log.ts';
import type { Span, SpanFacts, SpanOptions, Tracing } from './lib/tracing.ts';
import { REVISION, VERSION } from './version.ts';

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
  client: SpanKind.CLIENT,
};
/** Spans that wait to be sent while the collector is slow; what comes beyond is dropped. */
const MOST_WAITING = 4_096;
/** Small batches are garbage before they grow old: with the usual 512, collecting them took most of the time under load. */
const BATCH = 64;
const SEND_WITHIN_MS = 5_000;
const FLUSH_WITHIN_MS = 2_000;

interface TracingParts {
  collector: { url: string; headers: Readonly<Record<string, string>> };
  role: string;
}

/**
 * Sends spans to a collector by OTLP over HTTP, as JSON, in batches. Nothing waits for it, and what it does not take is lost.
 *
 * Only what is handed in is recorded: no library is patched, and nothing of a request but what we say of it. This module takes 16 MB of
 * memory, so it is loaded only where there is a collector.
 *
 * @param collector its address without `/v1/traces`, and the headers that it asks for
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export function createTracing({ collector, role }: TracingParts): Tracing {
  const exporter = new OTLPTraceExporter({
    url: `${collector.url}/v1/traces`,
    headers: { ...collector.headers },
    timeoutMillis: SEND_WITHIN_MS,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': 'microsoft-connector',
      'service.version': VERSION,
      'service.instance.id': `${hostname()}-${process.pid}`,
      'vcs.ref.head.revision': REVISION,
      'connector.role': role,
    }),
    spanProcessors: [new BatchSpanProcessor({ exporter, maxQueueSize: MOST_WAITING, maxExportBatchSize: BATCH })],
  });
  const tracer = provider.getTracer('microsoft-connector', VERSION);
  const storage = new AsyncLocalStorage<Span>();

  function begin({ name, kind = 'internal', facts = {}, parent, links = [], startedAt }: SpanOptions): Span {
    const parentContext = readTraceparent(parent ?? storage.getStore()?.traceparent);
    const span = tracer.startSpan(
      scrub(name),
      {
        kind: KINDS[kind],
        attributes: attributesOf(facts),
        links: links.flatMap((link) => readTraceparent(link) ?? []).map((context) => ({ context })),
        ...(startedAt !== undefined && { startTime: startedAt }),
      },
      parentContext ? trace.setSpanContext(ROOT_CONTEXT, parentContext) : ROOT_CONTEXT,
    );
    const { traceId, spanId } = span.spanContext();
    const begun: Span = {
      traceparent: `00-${traceId}-${spanId}-01`,
      run: (work) => storage.run(begun, work),
      end({ facts: more = {}, errorCode } = {}) {
        span.setAttributes(attributesOf({ ...more, 'error.type': errorCode }));
        if (errorCode !== undefined) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
    return begun;
  }

  return {
    begin,

    async within(options, work) {
      const span = begin(options);
      try {
        const result = await span.run(() => work(span));
        span.end();
        return result;
      } catch (error) {
        span.end({ errorCode: codeOf(error) });
        throw error;
      }
    },

    current: () => storage.getStore()?.traceparent,

    async flush() {
      // A collector that is away holds up no stop.
      await provider.forceFlush({ timeoutMillis: FLUSH_WITHIN_MS }).catch(() => {});
    },
  };
}

/** The code of a failure. That work is put off is none. */
function codeOf(error: unknown): string | undefined {
  if (error instanceof Suspended || error instanceof Stopping || error instanceof LaneLostError) return undefined;
  return error instanceof ConnectorError ? error.code : 'bug';
}

function attributesOf(facts: SpanFacts): Attributes {
  return Object.fromEntries(
    Object.entries(compact(facts)).map(([name, value]) => [name, typeof value === 'string' ? scrub(value) : value]),
  );
}

function readTraceparent(text: string | undefined): SpanContext | undefined {
  const [, traceId, spanId] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/.exec(text ?? '') ?? [];
  return traceId && spanId ? { traceId, spanId, traceFlags: 1, isRemote: true } : undefined;
}
