import type { FlowParts } from '../engine/workflow.ts';
import type { Clock } from '../lib/clock.ts';
import { patternOf } from '../lib/route-pattern.ts';
import type { Span, SpanFacts, Tracing } from '../lib/tracing.ts';
import type { TraceCarrier } from '../store/traces.ts';
import type { UpstreamCall } from '../upstreams/http.ts';

/** Health checks and scrapes would be most of what there is to see. */
const UNTOLD = /^\/(health|metrics)/;
const QUEUE: SpanFacts = { 'messaging.system': 'bullmq', 'messaging.destination.name': 'looks' };

/** A request as far as it is told. */
export interface Requested {
  method: string;
  /** Pattern of the route. */
  route: string;
  elapsedMs: number;
}

/** What follows a matter. */
export type Traces = ReturnType<typeof composeTracing>;

/**
 * Follows one matter through all processes: the request that tells of it, the place in the queue, each look, its steps, and their calls.
 * Upstreams and callers are not told of the trace, and theirs are not carried on: it is ours alone.
 *
 * @param carrier by which what led to a look gets to the process that makes it
 */
export function composeTracing(tracing: Tracing, carrier: TraceCarrier, clock: Clock) {
  const requests = new WeakMap<object, Span>();

  return {
    current: tracing.current,

    /** Does the rest of a request in its span. */
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

    /** Asks for a look, which will know what it follows from. */
    ask<T>(subscriptionId: number, request: () => Promise<T>): Promise<T> {
      const facts = { ...QUEUE, 'messaging.operation.type': 'send', 'connector.subscription.id': subscriptionId };
      return tracing.within({ name: 'send looks', kind: 'producer', facts }, (span) => {
        // Commands of one connection keep their order: it is there before the look is. That it may get lost does not matter.
        void carrier.leave(subscriptionId, span.traceparent, clock.now()).catch(() => {});
        return request();
      });
    },

    /** Makes a look within the trace of what led to it. A look that has to go on later goes on in the same trace. */
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
          // Whether it is put off or cut short, another look goes on with it.
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
