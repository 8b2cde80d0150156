import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Reply } from '../core/server.ts';
import type { Api, Request } from './api.ts';
import type { Job } from './jobs.ts';
import { refuse } from './refusals.ts';
import type { Switches } from './switches.ts';
import type { ArmError } from './template/types.ts';

/** What came of an operation; `status` is that of the last answer under `Location`. */
export type Outcome = { ok: true; body?: unknown } | { ok: false; status: number; error: ArmError };

export interface LongOperation {
  id: string;
  subscriptionId: string;
  startedAt: number;
  endedAt?: number;
  job: Job;
  outcome?: Outcome;
}

export interface Operations {
  /** Notes an operation; `settle` is to be called by its last step. */
  begin(subscriptionId: string, run: (settle: (outcome: Outcome) => void) => Job): LongOperation;
  /** 202 with an address that answers 202 until the end and then the result. */
  acceptAtLocation(request: Request, operation: LongOperation): Reply;
  /** 202 with both addresses that resource providers give: one for the status, one for the result. */
  acceptAtProvider(request: Request, operation: LongOperation, at: { namespace: string; location: string }): Reply;
  pause(seconds: number): Record<string, string>;
  reset(): void;
}

const RESULT_PAUSE_S = 15;
const PROVIDER_PAUSE_S = 10;

/**
 * The addresses under which long-running operations are followed.
 *
 * @see https://learn.microsoft.com/azure/azure-resource-manager/management/async-operations
 */
export function createOperations(parts: { api: Api; clock: Clock; switches: Switches }): Operations {
  const { api, clock, switches } = parts;
  const operations = new Map<string, LongOperation>();
  const rule = { namespace: 'any' };

  function find({ params, subscription }: Request): LongOperation {
    const operation = operations.get(params.id!.toLowerCase());
    if (operation === undefined || operation.subscriptionId !== subscription.id) {
      throw refuse(404, 'OperationNotFound', `The operation '${params.id}' could not be found.`);
    }
    operation.job.look();
    return operation;
  }

  const pause = (seconds: number): Record<string, string> =>
    switches.sendRetryAfter ? { 'retry-after': String(seconds) } : {};

  const versionOf = ({ query }: Request): string => query.get('api-version') ?? '';

  function result(request: Request, headers: () => Record<string, string>): Reply {
    const { outcome } = find(request);
    if (outcome === undefined) return { status: 202, headers: headers() };
    if (!outcome.ok) return { status: outcome.status, body: { error: outcome.error } };
    return outcome.body === undefined ? { status: 200 } : { status: 200, body: outcome.body };
  }

  function status(request: Request): Reply {
    const { id: name, startedAt, endedAt, outcome } = find(request);
    const time = (at: number): string => new Date(at).toISOString().replace('Z', '0000+00:00');
    const startTime = time(startedAt);
    if (outcome === undefined) {
      return { status: 200, headers: pause(PROVIDER_PAUSE_S), body: { startTime, status: 'InProgress', name } };
    }
    const body = { startTime, endTime: time(endedAt ?? startedAt), name };
    return {
      status: 200,
      body: outcome.ok ? { ...body, status: 'Succeeded' } : { ...body, status: 'Failed', error: outcome.error },
    };
  }

  api.define('GET', '/subscriptions/:subscriptionId/operationresults/:id', rule, (request) =>
    result(request, () => ({
      location: locationOf(request, find(request)),
      ...pause(RESULT_PAUSE_S),
    })),
  );
  const provider = '/subscriptions/:subscriptionId/providers/:namespace/locations/:location';
  api.define('GET', `${provider}/operations/:id`, rule, (request) =>
    request.query.get('monitor') === 'true' ? result(request, () => pause(PROVIDER_PAUSE_S)) : status(request),
  );

  function locationOf(request: Request, { id, subscriptionId }: LongOperation): string {
    const query = `api-version=${versionOf(request)}&t=1&c=EMULATED&s=EMULATED&h=EMULATED`;
    return `${request.origin}/subscriptions/${subscriptionId}/operationresults/${id}?${query}`;
  }

  return {
    pause,

    begin(subscriptionId, run) {
      const operation: Omit<LongOperation, 'job'> = {
        id: randomBytes(20).toString('hex'),
        subscriptionId,
        startedAt: clock.now(),
      };
      const job = run((outcome) => {
        operation.outcome = outcome;
        operation.endedAt = clock.now();
      });
      const complete = Object.assign(operation, { job });
      operations.set(operation.id, complete);
      return complete;
    },

    acceptAtLocation(request, operation) {
      return { status: 202, headers: { location: locationOf(request, operation), ...pause(RESULT_PAUSE_S) } };
    },

    acceptAtProvider(request, { id, subscriptionId }, { namespace, location }) {
      const base = `${request.origin}/subscriptions/${subscriptionId}/providers/${namespace}/locations/${location}/operations/${id}`;
      const version = `api-version=${versionOf(request)}&t=1&c=EMULATED&s=EMULATED&h=EMULATED`;
      return {
        status: 202,
        headers: {
          'azure-asyncoperation': `${base}?p=EMULATED&${version}`,
          location: `${base}?p=EMULATED&monitor=true&${version}`,
          ...pause(PROVIDER_PAUSE_S),
        },
      };
    },

    reset() {
      operations.clear();
    },
  };
}
