import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** So many different codes are told apart; upstreams may make up more. */
const MOST_CODES = 200;

/** The process's counters, in a registry of their own. Labels are few and closed: never an id of a subscription or customer. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const alerts = new Counter({
    name: 'connector_alerts_total',
    help: 'Matters that a person has to look at, by code',
    labelNames: ['code'],
    registers,
  });
  const codes = new Set<string>();

  /** With 0, the code is there before there is anything to count: an increase from nothing would be none. */
  function countAlert(code: string, times = 1): void {
    if (codes.size < MOST_CODES) codes.add(code);
    alerts.inc({ code: codes.has(code) ? code : 'other' }, times);
  }

  return {
    registry,
    events: new Counter({
      name: 'connector_events_total',
      help: 'Event notifications by what became of them',
      labelNames: ['outcome'],
      registers,
    }),
    partnerCenterEvents: new Counter({
      name: 'connector_partner_center_events_total',
      help: "Events of Partner Center's webhook by name and what became of them",
      labelNames: ['event', 'outcome'],
      registers,
    }),
    failedAuthentications: new Counter({
      name: 'connector_failed_authentications_total',
      help: 'Requests without the right signature, secret or token, by what they wanted',
      labelNames: ['door'],
      registers,
    }),
    requestSeconds: new Histogram({
      name: 'connector_http_request_seconds',
      help: 'Duration of requests to this service',
      labelNames: ['route', 'method', 'status'],
      buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 5],
      registers,
    }),
    countAlert,
    operations: new Counter({
      name: 'connector_operations_total',
      help: 'Operations on subscriptions that came to an end; refused: the customer was told what to supply',
      labelNames: ['product', 'outcome'],
      registers,
    }),
    operationSeconds: new Histogram({
      name: 'connector_operation_seconds',
      help: 'Duration of operations that came to an end, from their first look on, waits included',
      labelNames: ['product', 'operation', 'outcome'],
      buckets: [1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400, 259_200],
      registers,
    }),
    stepSeconds: new Histogram({
      name: 'connector_step_seconds',
      help: 'Duration of the steps of operations, waits included',
      labelNames: ['product', 'step'],
      buckets: [0.1, 1, 10, 60, 600, 3_600, 86_400],
      registers,
    }),
    looks: new Counter({
      name: 'connector_looks_total',
      help: 'Looks at subscriptions by how they ended',
      labelNames: ['outcome'],
      registers,
    }),
    upstreamSeconds: new Histogram({
      name: 'connector_upstream_call_seconds',
      help: 'Duration of calls to upstreams',
      labelNames: ['upstream', 'method', 'status'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    throttled: new Counter({
      name: 'connector_upstream_throttled_total',
      help: 'Calls that an upstream refused because of its rate limit',
      labelNames: ['upstream'],
      registers,
    }),
    gauges,
    /** Read when the metrics are asked for. */
    gauge(name: string, help: string, read: () => Promise<number>): void {
      gauges(name, help, [], async () => [{ labels: {}, value: await read() }]);
    },
  };

  /** Read when the metrics are asked for; one value for each set of labels. */
  function gauges<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    read: () => Promise<{ labels: Record<Label, string>; value: number }[]>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      async collect() {
        // A gauge that cannot be read is left as it was: the other metrics matter most in an outage.
        const values = await read().catch(() => undefined);
        if (values === undefined) return;
        this.reset();
        for (const { labels, value } of values) this.set(labels, value);
      },
    });
  }
}

export type Metrics = ReturnType<typeof createMetrics>;
