import type { OpsOperations } from '../../../src/intake/ops-operations.ts';

/** Operations of a service in which nothing has happened yet, apart from what a test says. */
export function idleOperations(instead: Partial<OpsOperations> = {}): OpsOperations {
  const nothing = async () => ({ items: [], total: 0 });
  return {
    overview: async () => ({
      states: { idle: 0, running: 0, waiting: 0, retrying: 0, 'needs-attention': 0, failed: 0, done: 0 },
      backlog: 0,
      oldestWaitingS: null,
      exposures: { count: 0, byCurrency: {} },
      agreementsPending: 0,
      deadLetters: 0,
      quarantine: 0,
      circuits: [],
      held: 0,
      detached: 0,
      workers: { count: 1, lastSeenAt: null },
      throttles: [],
      notes: [],
      version: '0.0.0',
      readOnly: false,
    }),
    list: nothing,
    show: async () => undefined,
    act: async () => 'queued',
    listExposures: nothing,
    listCustomers: nothing,
    listDeadLetters: async () => [],
    retryAll: async () => ({ queued: 0, left: 0 }),
    limits: async () => ({ budgets: [], circuits: [] }),
    listQuarantine: nothing,
    discardQuarantined: async () => {},
    listAudit: nothing,
    ...instead,
  };
}
