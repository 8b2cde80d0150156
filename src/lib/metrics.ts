import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** The process's counters, in a registry of their own. Labels are few and closed: never an id of a subscription or customer. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });

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
    alerts: new Counter({
      name: 'connector_alerts_total',
      help: 'Matters that a person has to look at, by code',
      labelNames: ['code'],
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
        for (const { labels, value } of await read().catch(() => [])) this.set(labels, value);
      },
    });
  }
}
