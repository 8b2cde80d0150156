import type { Clock } from '../core/clock.ts';
import { AZURE, type Books, type Cause } from './books.ts';
import { keyOf } from './ids.ts';
import { ALLOCATION_FAILED } from './injected-failures.ts';
import type { Job, Jobs } from './jobs.ts';
import type { AzureSubscription, PowerState, Resource, State } from './model.ts';
import type { LongOperation, Operations } from './operations.ts';
import { type ResourceStore, STOPPABLE } from './resource-store.ts';
import type { Switches } from './switches.ts';
import type { ArmError } from './template/types.ts';

export interface PowerParts {
  clock: Clock;
  state: State;
  switches: Switches;
  books: Books;
  jobs: Jobs;
  operations: Operations;
  store: ResourceStore;
}

export type PowerAction = 'start' | 'restart' | 'deallocate' | 'powerOff' | 'stop';

export interface Power {
  /** Begins to start or stop a resource. */
  act(resource: Resource, action: PowerAction, cause: Cause): LongOperation;
  /** Somebody looks at a resource. */
  look(resource: Resource): void;
  /** Stops everything of a subscription at once, as when it is disabled. */
  stopEverything(subscription: AzureSubscription): void;
  /** The next starts fail: of resources whose id contains the text, with no capacity or with the error given. */
  failStarts(resource: string, times: number, error?: ArmError): void;
  reset(): void;
}

const WEEK_MS = 7 * 86_400_000;

const ON_THE_WAY: Record<PowerAction, PowerState> = {
  start: 'starting',
  restart: 'starting',
  deallocate: 'deallocating',
  powerOff: 'stopping',
  stop: 'stopping',
};

const AT_THE_END: Record<PowerAction, PowerState> = {
  start: 'running',
  restart: 'running',
  deallocate: 'deallocated',
  powerOff: 'stopped',
  stop: 'stopped',
};

/**
 * Starting and stopping of machines and platform services. Machines cost until they are deallocated, the others until they
 * are stopped; a stopped database is started again by Azure after seven days.
 *
 * @see https://learn.microsoft.com/azure/virtual-machines/states-billing
 * @see https://learn.microsoft.com/azure/postgresql/flexible-server/how-to-stop-start-server-portal
 */
export function createPower(parts: PowerParts): Power {
  const { clock, state, switches, books, jobs, operations, store } = parts;
  const work = new WeakMap<Resource, Job>();
  let failures: { resource: string; times: number; error: ArmError }[] = [];

  function takeFailure(resource: Resource): ArmError | undefined {
    const failure = failures.find((one) => keyOf(resource.id).includes(keyOf(one.resource)));
    if (failure === undefined) return undefined;
    failure.times -= 1;
    if (failure.times <= 0) failures = failures.filter((other) => other !== failure);
    return failure.error;
  }

  function end(resource: Resource, action: PowerAction, cause: Cause): ArmError | undefined {
    const isStart = action === 'start' || action === 'restart';
    const error = isStart ? takeFailure(resource) : undefined;
    if (error !== undefined) {
      store.setPower(resource, 'deallocated', cause);
      books.write('power action failed', cause, { resourceId: resource.id, action, code: error.code });
      return error;
    }
    store.setPower(resource, AT_THE_END[action], cause);
    if (action === 'stop' && isDatabase(resource)) startAgainLater(resource);
    return undefined;
  }

  function startAgainLater(resource: Resource): void {
    const stoppedAt = clock.now();
    jobs.at(stoppedAt + WEEK_MS, () => {
      const isStopped = resource.power === 'stopped' && resource.powerHistory.at(-1)?.at === stoppedAt;
      const exists = store.find(resource.id) === resource;
      if (switches.restartStoppedDatabases && isStopped && exists) store.setPower(resource, 'running', AZURE);
    });
  }

  return {
    act(resource, action, cause) {
      const isThere = resource.power === AT_THE_END[action] && action !== 'restart';
      if (!isThere) resource.power = ON_THE_WAY[action];
      const operation = operations.begin(resource.subscriptionId, (settle) =>
        jobs.start({
          takesMs: switches.powerActionTakesMs,
          steps: [
            () => {
              const error = isThere ? undefined : end(resource, action, cause);
              settle(error === undefined ? { ok: true } : { ok: false, status: 409, error });
            },
          ],
        }),
      );
      work.set(resource, operation.job);
      return operation;
    },

    look: (resource) => work.get(resource)?.look(),

    stopEverything({ id }) {
      for (const resource of state.resources.values()) {
        if (resource.subscriptionId !== id || !STOPPABLE.has(keyOf(resource.type))) continue;
        store.setPower(resource, isMachine(resource) ? 'deallocated' : 'stopped', AZURE);
      }
    },

    failStarts(resource, times, error = { code: 'AllocationFailed', message: ALLOCATION_FAILED }) {
      failures.push({ resource, times, error });
    },

    reset() {
      failures = [];
    },
  };
}

function isMachine({ type }: Resource): boolean {
  return keyOf(type).startsWith('microsoft.compute/');
}

function isDatabase({ type }: Resource): boolean {
  return keyOf(type).startsWith('microsoft.dbfor');
}
