import { setTimeout } from 'node:timers/promises';
import type { z } from 'zod';
import { path } from '../http.ts';
import type { Arm } from './arm.ts';
import type { AzureSubscription, Fault } from './azure.ts';
import { isAbsent, isConflict, isRefusal } from './errors.ts';
import { faultsIn } from './faults.ts';
import { Deployment, DeploymentName, Operation } from './schema.ts';
import { secretsIn } from './secrets.ts';

export const DEPLOYMENTS = '2026-06-01';
/** How deep nested deployments are followed, and how many of them at most. */
const DEEPEST = 4;
const MOST_NESTED = 20;
const NESTED = /\/resourceGroups\/([^/]+)\/providers\/Microsoft\.Resources\/deployments\/([^/]+)$/i;
/** How often the operations are read for a failure, which they may show a second or two later than the deployment. */
const LOOKS = 3;
/** What a deployment says of itself; the reason stands in its operations. */
const WRAPPERS = ['DeploymentFailed', 'ResourceDeploymentFailure'];

/** Operations give the name of their status instead of its number. */
const STATUS_NAMES = new Map(
  Object.entries({
    badrequest: 400,
    unauthorized: 401,
    forbidden: 403,
    notfound: 404,
    conflict: 409,
    toomanyrequests: 429,
  }),
);

type Deployments = AzureSubscription['deployments'];

/** A deployment that failed, and what its causes must not repeat. */
interface Failed {
  group: string;
  name: string;
  secrets: string[];
}

/**
 * Returns the calls about the deployments of templates in resource groups. A deployment is started, and looked at under its
 * name from later jobs; nothing here waits for its end.
 *
 * @param pauseMs between two looks for a reason that does not show yet
 * @see https://learn.microsoft.com/rest/api/resources/deployments
 */
export function createDeploymentCalls(
  arm: Arm,
  subscriptionId: string,
  pauseMs: number,
): Pick<Deployments, 'start' | 'look' | 'cancel' | 'names'> {
  /** Sends the deployment off. After an unclear answer send it again: while it runs, the same name joins it. */
  const start: Deployments['start'] = async (group, name, { template, parameters, tags }) => {
    const body = { properties: { mode: 'Incremental' as const, template, parameters }, tags };
    try {
      await arm.call(pathOf(group, name), ({ deployments }) =>
        deployments.createOrUpdate(group, name, body).submitted(),
      );
      return 'started';
    } catch (error) {
      if (isRefusal(error, 'DeploymentActive')) return 'joined';
      throw error;
    }
  };

  const look: Deployments['look'] = async (group, name, sent) => {
    const secrets = secretsIn({ properties: sent });
    let found: z.output<typeof Deployment>;
    try {
      found = await arm.ask(pathOf(group, name), ({ deployments }) => deployments.get(group, name), Deployment);
    } catch (error) {
      if (isAbsent(error)) return { state: 'absent' };
      throw error;
    }
    const { provisioningState, outputs, outputResources, error } = found.properties;
    switch (provisioningState.toLowerCase()) {
      case 'succeeded':
        return { state: 'succeeded', outputs, resourceIds: (outputResources ?? []).map(({ id }) => id) };
      case 'failed':
        return { state: 'failed', faults: await explain({ group, name, secrets }, error) };
      case 'canceled':
        return {
          state: 'canceled',
          faults: distinct(await faultsOfOperations({ group, name, secrets }), faultsIn(error, { secrets })),
        };
      default:
        return { state: 'running' };
    }
  };

  const cancel: Deployments['cancel'] = async (group, name) => {
    try {
      await arm.call(pathOf(group, name), ({ deployments }) => deployments.cancel(group, name));
    } catch (error) {
      // What does not run (any more) cannot be cancelled; how it ended shows when it is looked at.
      if (!isAbsent(error) && !isConflict(error)) throw error;
    }
  };

  async function explain(failed: Failed, error: unknown): Promise<Fault[]> {
    const { secrets } = failed;
    const own = faultsIn(error ?? { code: 'DeploymentFailed', message: 'Azure gives no reason.' }, { secrets });
    const reasons = own.filter(({ code }) => !WRAPPERS.includes(code));
    for (let looks = 1; ; looks += 1) {
      const found = distinct(await faultsOfOperations(failed), reasons);
      if (found.length > 0) return found;
      if (looks === LOOKS) return own;
      await setTimeout(pauseMs);
    }
  }

  /** The innermost errors of the operations that failed, nested deployments included. */
  async function faultsOfOperations(
    { group, name, secrets }: Failed,
    depth = 0,
    nested = { left: MOST_NESTED },
  ): Promise<Fault[]> {
    const faults: Fault[] = [];
    for (const { properties } of await operationsOf(group, name)) {
      if (properties.provisioningState?.toLowerCase() !== 'failed') continue;
      const target = properties.targetResource?.id ?? undefined;
      const [, innerGroup, innerName] = NESTED.exec(target ?? '') ?? [];
      let inner: Fault[] = [];
      if (innerGroup && innerName && depth < DEEPEST && nested.left > 0) {
        nested.left -= 1;
        inner = await faultsOfOperations({ group: innerGroup, name: innerName, secrets }, depth + 1, nested);
      }
      const status = STATUS_NAMES.get(properties.statusCode?.toLowerCase() ?? '');
      faults.push(...(inner.length > 0 ? inner : faultsIn(properties.statusMessage, { target, status, secrets })));
    }
    return faults;
  }

  /** With the bare client, for the SDK's drops a reason that is no object. */
  async function operationsOf(group: string, name: string): Promise<z.output<typeof Operation>[]> {
    const root = path`/subscriptions/${subscriptionId}/resourcegroups/${group}/deployments/${name}/operations`;
    try {
      return await arm.list({ path: root, apiVersion: DEPLOYMENTS }, Operation);
    } catch (error) {
      if (isAbsent(error)) return [];
      throw error;
    }
  }

  function pathOf(group: string, name: string): string {
    return path`/subscriptions/${subscriptionId}/resourcegroups/${group}/deployments/${name}`;
  }

  const names: Deployments['names'] = async (group) =>
    (
      await arm.pages(pathOf(group, ''), ({ deployments }) => deployments.listByResourceGroup(group), DeploymentName)
    ).map(({ name }) => name);

  return { start, look, cancel, names };
}

/** Each cause once: with what failed, where that is known. */
function distinct(found: Fault[], more: Fault[]): Fault[] {
  const keyOf = ({ code, message }: Fault): string => `${code} ${message}`;
  const told = new Set(found.map(keyOf));
  return [...found, ...more.filter((fault) => !told.has(keyOf(fault)))];
}
