import type { Clock } from '../core/clock.ts';
import { groupOf, keyOf, parseResourceId } from './ids.ts';
import type { CostPeriod, Resource, State } from './model.ts';

const HOUR_MS = 3_600_000;

/** What resources cost by the hour while they exist, by type; types that are missing cost nothing. */
const STANDING: Record<string, { meter: CostPeriod['meter']; perHour: number }> = {
  'microsoft.compute/disks': { meter: 'storage', perHour: 0.01 },
  'microsoft.storage/storageaccounts': { meter: 'storage', perHour: 0.01 },
  'microsoft.network/publicipaddresses': { meter: 'other', perHour: 0.004 },
  'microsoft.network/loadbalancers': { meter: 'other', perHour: 0.02 },
  'microsoft.network/dnszones': { meter: 'other', perHour: 0.0007 },
  'microsoft.web/serverfarms': { meter: 'other', perHour: 0.08 },
};

/** What resources cost by the hour while they run, on top. Machines have a price of their own. */
const RUNNING: Record<string, { meter: CostPeriod['meter']; perHour: number }> = {
  'microsoft.compute/virtualmachines': { meter: 'machine', perHour: 0 },
  'microsoft.compute/virtualmachinescalesets': { meter: 'machine', perHour: 0 },
  'microsoft.dbforpostgresql/flexibleservers': { meter: 'other', perHour: 0.05 },
  'microsoft.dbformysql/flexibleservers': { meter: 'other', perHour: 0.05 },
  'microsoft.containerservice/managedclusters': { meter: 'other', perHour: 0.3 },
  'microsoft.containerinstance/containergroups': { meter: 'other', perHour: 0.06 },
};

export interface ResourceCost {
  entitlementId: string;
  uri: string;
  type: string;
  resourceGroup: string;
  name: string;
  meter: CostPeriod['meter'];
  hours: number;
  cost: number;
}

export interface Costs {
  /** The resource exists from now on; compute costs begin with `started`. */
  opened(resource: Resource): void;
  started(resource: Resource): void;
  stopped(resource: Resource): void;
  closed(resource: Resource): void;
  /** Costs from an instant on, by resource and meter; resources that are gone by now included. */
  since(subscriptionId: string, options: { fromMs: number; machineCostPerHour: number; toMs?: number }): ResourceCost[];
}

/** The meters that run while resources exist or run. */
export function createCosts({ clock, state }: { clock: Clock; state: State }): Costs {
  function open({ id, subscriptionId, type }: Resource, rate: (typeof STANDING)[string] | undefined): void {
    if (rate === undefined) return;
    state.costs.push({ subscriptionId, resourceId: id, type, ...rate, from: clock.now() });
  }

  function close({ id }: Resource, isWanted: (period: CostPeriod) => boolean): void {
    for (const period of state.costs) {
      const isOpen = period.to === undefined && keyOf(period.resourceId) === keyOf(id);
      if (isOpen && isWanted(period)) period.to = clock.now();
    }
  }

  const isRunningCost = ({ type, meter }: CostPeriod): boolean => RUNNING[type.toLowerCase()]?.meter === meter;

  return {
    opened: (resource) => open(resource, STANDING[resource.type.toLowerCase()]),
    started(resource) {
      close(resource, isRunningCost);
      open(resource, RUNNING[resource.type.toLowerCase()]);
    },
    stopped: (resource) => close(resource, isRunningCost),
    closed: (resource) => close(resource, () => true),

    since(subscriptionId, { fromMs, machineCostPerHour, toMs = clock.now() }) {
      const byMeter = new Map<string, ResourceCost>();
      for (const period of state.costs) {
        if (period.subscriptionId !== subscriptionId.toLowerCase()) continue;
        const ms = Math.min(period.to ?? toMs, toMs) - Math.max(period.from, fromMs);
        if (ms <= 0) continue;
        const hours = ms / HOUR_MS;
        const key = `${keyOf(period.resourceId)} ${period.meter}`;
        const cost = byMeter.get(key) ?? newCost(period);
        byMeter.set(key, cost);
        cost.hours += hours;
        cost.cost += hours * (period.meter === 'machine' ? machineCostPerHour : period.perHour);
      }
      return [...byMeter.values()].map((cost) => ({ ...cost, cost: Math.round(cost.cost * 100) / 100 }));
    },
  };
}

function newCost({ subscriptionId, resourceId, type, meter }: CostPeriod): ResourceCost {
  return {
    entitlementId: subscriptionId,
    uri: resourceId,
    type,
    resourceGroup: groupOf(resourceId) ?? '',
    name: parseResourceId(resourceId)?.name ?? resourceId,
    meter,
    hours: 0,
    cost: 0,
  };
}
