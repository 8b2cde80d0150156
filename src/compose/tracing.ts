import type { FlowParts } from '../engine/workflow.ts';
import type { Clock } from '../lib/clock.ts';
import { patternOf } from '../lib/route-pattern.ts';
import type { Span, SpanFacts, Tracing } from '../lib/tracing.ts';
import type { TraceCarrier } from '../store/traces.ts';
import type { UpstreamCall } from '../upstreams/http.ts';

/** Routes without traces: health checks and scrapes would be most of them. */
const UNTOLD = /^\/(health|metrics)/;
const QUEUE: SpanFacts = { 'messaging.system': 'bullmq', 'messaging.destination.name': 'looks' };

/** What a trace tells of a request. */
export interface Requested {
  method: string;
  /** Pattern of the route. */
  route: string;
  elapsedMs: number;
}

/** The tracing of the service. */
export type Traces = ReturnType<typeof composeTracing>;

/**
 * Traces one matter through all processes: the request that announces it, its time in the queue, each look, its steps, and their calls.
 * The trace context is neither sent to upstreams nor taken from callers: traces are ours alone.
 *
 * @param carrier takes the trace context from the process that asks for a look to the one that makes it
 */
export function composeTracing(tracing: Tracing, carrier: TraceCarrier, clock: Clock) {
  const requests = new WeakMap<object, Span>();

  return {
    current: tracing.current,

    /** Handles the rest of a request within its span. */
    request(request: object, { method, route, elapsedMs }: Requested, rest: () => void): void {
      if (UNTOLD.test(route)) {
        rest();
        return;
      }
      const facts = { 'http.request.method': method, 'http.route': route };
      const span = tracing.begin({
        name: `${method} ${route}`,
        kind: 'server',
        facts,
        startedAt: clock.now() - elapsedMs,
      });
      requests.set(request, span);
      span.run(rest);
    },

    answered(request: object, status: number): void {
      const facts = { 'http.response.status_code': status };
      requests.get(request)?.end({ facts, errorCode: status >= 500 ? String(status) : undefined });
    },

    /** Asks for a look and leaves the trace context for it. */
    ask<T>(subscriptionId: number, request: () => Promise<T>): Promise<T> {
      const facts = { ...QUEUE, 'messaging.operation.type': 'send', 'connector.subscription.id': subscriptionId };
      return tracing.within({ name: 'send looks', kind: 'producer', facts }, (span) => {
        // Commands of one connection keep their order: it is there before the look is. That it may get lost does not matter.
        void carrier.leave(subscriptionId, span.traceparent, clock.now()).catch(() => {});
        return request();
      });
    },

    /** Makes a look within the trace of its cause. A look that is continued later continues the same trace. */
    async look<O extends { done: true } | { againInMs: number }>(
      subscriptionId: number,
      look: () => Promise<O>,
    ): Promise<O> {
      const { parent, links } = await carrier.take(subscriptionId).catch(() => ({ parent: undefined, links: [] }));
      const beganAt = clock.now();
      const facts = { ...QUEUE, 'messaging.operation.type': 'process', 'connector.subscription.id': subscriptionId };
      return tracing.within(
        { name: 'look', kind: 'consumer', parent: parent?.traceparent, links, facts },
        async ({ traceparent }) => {
          // Postponed or interrupted, it is continued by another look.
          let isOver = false;
          try {
            const outcome = await look();
            isOver = 'done' in outcome;
            return outcome;
          } finally {
            if (!isOver) await carrier.carryOn(subscriptionId, parent ?? { traceparent, beganAt }).catch(() => {});
          }
        },
      );
    },

    sweep: (work: () => Promise<void>) => tracing.within({ name: 'sweep' }, work),

    step: ((step, work) => tracing.within({ name: step }, work)) satisfies FlowParts['around'],

    /** Records a call that was made just now. */
    called({ upstream, method, path, status, durationMs, correlationId, requestId, errorCode }: UpstreamCall): void {
      const route = patternOf(path);
      const facts = {
        'http.request.method': method,
        'url.template': route,
        'http.response.status_code': status,
        'peer.service': upstream,
        'connector.correlation_id': correlationId,
        'connector.request_id': requestId,
      };
      const startedAt = clock.now() - durationMs;
      tracing.begin({ name: `${method} ${route}`, kind: 'client', facts, startedAt }).end({ errorCode });
    },
  };
}
