import { isSameText, keyOf } from './ids.ts';
import type { State } from './model.ts';
import { findLocation } from './provider-catalog.ts';
import { propertiesOf } from './resource-kinds.ts';
import type { Switches } from './switches.ts';
import type { ArmError } from './template/types.ts';

/** A size of virtual machines: its cores, and the family whose quota they count against. */
export interface Size {
  name: string;
  cores: number;
  memoryGb: number;
  family: string;
}

export const SIZES: Size[] = [
  { name: 'Standard_B1s', cores: 1, memoryGb: 1, family: 'standardBSFamily' },
  { name: 'Standard_B1ms', cores: 1, memoryGb: 2, family: 'standardBSFamily' },
  { name: 'Standard_B2s', cores: 2, memoryGb: 4, family: 'standardBSFamily' },
  { name: 'Standard_B2ms', cores: 2, memoryGb: 8, family: 'standardBSFamily' },
  { name: 'Standard_B4ms', cores: 4, memoryGb: 16, family: 'standardBSFamily' },
  { name: 'Standard_B2s_v2', cores: 2, memoryGb: 8, family: 'standardBsv2Family' },
  { name: 'Standard_D2s_v3', cores: 2, memoryGb: 8, family: 'standardDSv3Family' },
  { name: 'Standard_D2s_v5', cores: 2, memoryGb: 8, family: 'standardDSv5Family' },
  { name: 'Standard_D4s_v5', cores: 4, memoryGb: 16, family: 'standardDSv5Family' },
  { name: 'Standard_D8s_v5', cores: 8, memoryGb: 32, family: 'standardDSv5Family' },
  { name: 'Standard_D2as_v5', cores: 2, memoryGb: 8, family: 'standardDASv5Family' },
  { name: 'Standard_E2s_v5', cores: 2, memoryGb: 16, family: 'standardESv5Family' },
  { name: 'Standard_F2s_v2', cores: 2, memoryGb: 4, family: 'standardFSv2Family' },
];

export interface Restriction {
  size: string;
  location: string;
  reasonCode: 'NotAvailableForSubscription' | 'QuotaId';
}

export interface Usage {
  name: string;
  text: string;
  limit: number;
  used: number;
}

interface Machine {
  id: string;
  body: Record<string, unknown>;
}

export interface Capacity {
  restrictions(): Restriction[];
  restrict(restriction: Restriction): void;
  /** Removes the restrictions of a size. */
  allow(size: string): void;
  setQuota(quota: { subscriptionId?: string; location?: string; name: string; limit: number }): void;
  usages(subscriptionId: string, location: string): Usage[];
  /** Why these machines cannot be made: sizes that are not to be had, and quotas that would be exceeded. */
  check(subscriptionId: string, machines: Machine[], exists: (id: string) => boolean): ArmError[];
  reset(): void;
}

const TOTAL = 'cores';

/** Sizes, their restrictions, and the cores that subscriptions may use. */
export function createCapacity({ state, switches }: { state: State; switches: Switches }): Capacity {
  let restrictions: Restriction[] = [];
  let quotas: { subscriptionId?: string; location?: string; name: string; limit: number }[] = [];

  const sizeOf = ({ body }: { body: Record<string, unknown> }): string => {
    const { hardwareProfile } = propertiesOf({ body });
    return (hardwareProfile as { vmSize?: string } | undefined)?.vmSize ?? 'Standard_D2s_v5';
  };
  const locationOf = ({ body }: { body: Record<string, unknown> }): string =>
    (typeof body.location === 'string' ? findLocation(body.location) : undefined) ?? 'westeurope';

  function limitOf(subscriptionId: string, location: string, name: string): number {
    const special = quotas.findLast(
      (quota) =>
        isSameText(quota.name, name) &&
        (quota.subscriptionId === undefined || isSameText(quota.subscriptionId, subscriptionId)) &&
        (quota.location === undefined || quota.location === location),
    );
    return special?.limit ?? switches.coreQuota;
  }

  function usedCores(subscriptionId: string, location: string): Map<string, number> {
    const used = new Map<string, number>();
    for (const machine of state.resources.values()) {
      const isCounted =
        machine.subscriptionId === keyOf(subscriptionId) &&
        keyOf(machine.type) === 'microsoft.compute/virtualmachines' &&
        machine.location === location &&
        machine.power !== 'deallocated';
      if (isCounted) count(used, sizeOf(machine));
    }
    return used;
  }

  function count(used: Map<string, number>, sizeName: string): void {
    const size = SIZES.find(({ name }) => isSameText(name, sizeName));
    for (const name of [TOTAL, size?.family ?? 'otherFamily']) {
      used.set(name, (used.get(name) ?? 0) + (size?.cores ?? 2));
    }
  }

  function quotaErrors(subscriptionId: string, machines: Machine[]): ArmError[] {
    return [...new Set(machines.map(locationOf))].flatMap((location) => {
      const used = usedCores(subscriptionId, location);
      const wanted = new Map<string, number>();
      for (const machine of machines) if (locationOf(machine) === location) count(wanted, sizeOf(machine));
      return [...wanted].flatMap(([name, required]) => {
        const [current, limit] = [used.get(name) ?? 0, limitOf(subscriptionId, location, name)];
        return current + required > limit ? [quotaExceeded(name, location, { limit, current, required })] : [];
      });
    });
  }

  return {
    restrictions: () => structuredClone(restrictions),
    restrict: (restriction) => void restrictions.push(structuredClone(restriction)),
    allow(size) {
      restrictions = restrictions.filter((restriction) => !isSameText(restriction.size, size));
    },
    setQuota: (quota) => void quotas.push({ ...quota }),

    usages(subscriptionId, location) {
      const used = usedCores(subscriptionId, location);
      const families = [...new Set(SIZES.map(({ family }) => family))];
      return [TOTAL, ...families].map((name) => ({
        name,
        text: name === TOTAL ? 'Total Regional vCPUs' : `${name.replace(/Family$/, '')} Family vCPUs`,
        limit: limitOf(subscriptionId, location, name),
        used: used.get(name) ?? 0,
      }));
    },

    check(subscriptionId, machines, exists) {
      const restricted = machines.flatMap((machine) => {
        const [size, location] = [sizeOf(machine), locationOf(machine)];
        const hit = restrictions.some((one) => isSameText(one.size, size) && one.location === location);
        return hit ? [sizeNotAvailable(size, location)] : [];
      });
      return [
        ...restricted,
        ...quotaErrors(
          subscriptionId,
          machines.filter(({ id }) => !exists(id)),
        ),
      ];
    },

    reset() {
      restrictions = [];
      quotas = [];
    },
  };
}

function sizeNotAvailable(size: string, location: string): ArmError {
  return {
    code: 'SkuNotAvailable',
    target: size,
    message:
      `The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: ${size}' is currently not ` +
      `available in location '${location}'. Please try another size or deploy to a different location or different zone. ` +
      'See https://aka.ms/azureskunotavailable for details.',
  };
}

function quotaExceeded(
  name: string,
  location: string,
  { limit, current, required }: { limit: number; current: number; required: number },
): ArmError {
  return {
    code: 'QuotaExceeded',
    message:
      `Operation could not be completed as it results in exceeding approved ${name === TOTAL ? 'Total Regional' : name} ` +
      `Cores quota. Additional details - Deployment Model: Resource Manager, Location: ${location}, Current Limit: ` +
      `${limit}, Current Usage: ${current}, Additional Required: ${required}, (Minimum) New Limit Required: ` +
      `${current + required}.`,
  };
}
