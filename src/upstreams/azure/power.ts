import { z } from 'zod';
import { AttentionError } from '../../lib/errors.ts';
import type { Arm } from './arm.ts';
import type { AzureSubscription, Resource } from './azure.ts';
import { isAbsent } from './errors.ts';
import { InstanceView } from './schema.ts';

type Power = AzureSubscription['power'];
type PowerState = Awaited<ReturnType<Power['state']>>;

const MACHINE = 'microsoft.compute/virtualmachines';
const SCALE_SET = 'microsoft.compute/virtualmachinescalesets';

const Word = z.string().nullish().catch(undefined);
const Properties = z.object({
  properties: z.object({
    state: Word,
    provisioningState: Word,
    powerState: z.object({ code: Word }).nullish().catch(undefined),
    instanceView: z.object({ state: Word }).nullish().catch(undefined),
  }),
});

/** Services that know `stop` and `start` and say in a word whether they run. */
const SERVICES: Record<string, { apiVersion: string; wordOf(found: z.output<typeof Properties>): Word | undefined }> = {
  // Azure starts a stopped server again by itself after seven days.
  'microsoft.dbforpostgresql/flexibleservers': { apiVersion: '2024-08-01', wordOf: (found) => found.properties.state },
  'microsoft.dbformysql/flexibleservers': { apiVersion: '2023-12-30', wordOf: (found) => found.properties.state },
  'microsoft.containerservice/managedclusters': {
    apiVersion: '2024-09-01',
    wordOf: ({ properties: { powerState, provisioningState } }) =>
      isSettled(provisioningState) ? powerState?.code : 'updating',
  },
  'microsoft.containerinstance/containergroups': {
    apiVersion: '2023-05-01',
    wordOf: (found) => found.properties.instanceView?.state,
  },
  // The plan goes on costing.
  'microsoft.web/sites': { apiVersion: '2023-12-01', wordOf: (found) => found.properties.state },
};
type Word = string | null;

/** A machine that was shut down from within, `stopped`, is paid for as before: only `deallocated` ends that. */
const MEANINGS = new Map<string, PowerState>(
  Object.entries({
    running: 'running',
    ready: 'running',
    stopped: 'stopped',
    succeeded: 'stopped',
    deallocated: 'stopped',
    starting: 'changing',
    stopping: 'changing',
    deallocating: 'changing',
    updating: 'changing',
    pending: 'changing',
  }),
);

/**
 * Returns the calls that stop what costs by the hour and start it again. They send the wish and do not wait: the state is asked
 * for from later jobs.
 *
 * @see https://learn.microsoft.com/azure/virtual-machines/states-billing
 */
export function createPowerCalls(arm: Arm, subscriptionId: string): Power {
  async function state(resource: Resource): Promise<PowerState> {
    try {
      return await stateOf(resource);
    } catch (error) {
      // What is gone costs nothing.
      if (isAbsent(error)) return 'stopped';
      throw error;
    }
  }

  async function stateOf(resource: Resource): Promise<PowerState> {
    const { id, type, group, name } = partsOf(resource);
    if (type === MACHINE) {
      const view = await arm.ask(id, ({ compute }) => compute.virtualMachines.instanceView(group, name), InstanceView);
      return machineState(view);
    }
    if (type === SCALE_SET) {
      const machines = await arm.pages(
        id,
        ({ compute }) => compute.virtualMachineScaleSetVMs.list(group, name, { expand: 'instanceView' }),
        z.object({ instanceView: InstanceView.nullish() }),
      );
      return together(machines.map(({ instanceView }) => machineState(instanceView ?? { statuses: [] })));
    }
    const { apiVersion, wordOf } = serviceOf(type);
    const word = wordOf(await arm.read({ path: id, apiVersion }, Properties));
    return MEANINGS.get(word?.toLowerCase() ?? '') ?? 'unknown';
  }

  async function stop(resource: Resource): Promise<void> {
    try {
      await sendStop(resource);
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
  }

  async function sendStop(resource: Resource): Promise<void> {
    const { id, type, group, name } = partsOf(resource);
    if (type === MACHINE) {
      await arm.call(id, ({ compute }) => compute.virtualMachines.deallocate(group, name).submitted());
    } else if (type === SCALE_SET) {
      await arm.call(id, ({ compute }) => compute.virtualMachineScaleSets.deallocate(group, name).submitted());
    } else await arm.send('POST', { path: `${id}/stop`, apiVersion: serviceOf(type).apiVersion });
  }

  async function start(resource: Resource): Promise<void> {
    const { id, type, group, name } = partsOf(resource);
    if (type === MACHINE) {
      await arm.call(id, ({ compute }) => compute.virtualMachines.start(group, name).submitted());
    } else if (type === SCALE_SET) {
      await arm.call(id, ({ compute }) => compute.virtualMachineScaleSets.start(group, name).submitted());
    } else await arm.send('POST', { path: `${id}/start`, apiVersion: serviceOf(type).apiVersion });
  }

  /** The parts of an id that a list has told, which must not lead anywhere else. */
  function partsOf({ id, type: named }: Resource) {
    const [, owner, group, name] =
      /^\/subscriptions\/([\w-]+)\/resourceGroups\/([\w.()-]+)\/providers\/[\w.]+\/\w+\/([\w.()-]+)$/i.exec(id) ?? [];
    const type = named.toLowerCase();
    if (isStoppable(type) && group && name && owner?.toLowerCase() === subscriptionId.toLowerCase()) {
      return { id, type, group, name };
    }
    throw new AttentionError('arm.not-stoppable', `Resources of type ${named} cannot be stopped and started.`, {
      facts: { upstream: 'arm', path: id },
      effect: 'none',
    });
  }

  return { isStoppable, state, stop, start };
}

function isStoppable(type: string): boolean {
  const known = type.toLowerCase();
  return known === MACHINE || known === SCALE_SET || Object.hasOwn(SERVICES, known);
}

function serviceOf(type: string) {
  // `partsOf` has refused all others.
  return SERVICES[type]!;
}

function machineState({ statuses }: z.output<typeof InstanceView>): PowerState {
  const word = statuses.map(({ code }) => /^PowerState\/(\w+)$/i.exec(code ?? '')?.[1]?.toLowerCase()).find(Boolean);
  if (word === 'stopped') return 'running';
  return MEANINGS.get(word ?? '') ?? 'unknown';
}

/** The state of several machines together: changing or running if any of them is. */
function together(states: PowerState[]): PowerState {
  const first = (['changing', 'running', 'unknown'] as const).find((state) => states.includes(state));
  return first ?? 'stopped';
}

function isSettled(provisioningState: Word | undefined): boolean {
  return /^(succeeded|failed|canceled)$/i.test(provisioningState ?? 'succeeded');
}
