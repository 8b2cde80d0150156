import type { Clock } from '../core/clock.ts';
import type { Books, Cause } from './books.ts';
import type { Costs } from './costs.ts';
import { isSameText, isWithin, keyOf, parseResourceId } from './ids.ts';
import type { Images } from './images.ts';
import type { PowerState, Resource, State } from './model.ts';
import {
  addedProperties,
  dnsNameOf,
  labelOf,
  powerProperties,
  propertiesOf,
  UNIQUE_NAMES,
  withoutSecrets,
} from './resource-kinds.ts';
import type { ArmError } from './template/types.ts';

/** Why a resource provider does not write a resource; `status` as it answers Azure Resource Manager. */
export interface WriteFailure {
  status: number;
  error: ArmError;
  /** Whether the deployment repeats the error as JSON text. */
  asText?: boolean;
  /** What the operation of a deployment shows instead of `{ status, error }`. */
  statusMessage?: unknown;
}

export interface ResourceView extends Record<string, unknown> {
  id: string;
  name: string;
  type: string;
}

export interface ResourceStore {
  find(id: string): Resource | undefined;
  inGroup(subscriptionId: string, group: string): Resource[];
  /** Creates a resource or writes it again; the failure when its provider refuses. */
  write(id: string, body: Record<string, unknown>, cause: Cause): WriteFailure | undefined;
  /** Deletes a resource and what belongs to it. */
  remove(resource: Resource, cause: Cause): void;
  setPower(resource: Resource, to: PowerState, cause: Cause): void;
  /** The resource as its provider shows it, secrets left out. */
  view(resource: Resource): ResourceView;
}

export interface ResourceStoreParts {
  clock: Clock;
  state: State;
  books: Books;
  costs: Costs;
  images: Images;
}

/** Types that can be stopped, and how they stand once they are written. */
export const STOPPABLE = new Set([
  'microsoft.compute/virtualmachines',
  'microsoft.compute/virtualmachinescalesets',
  'microsoft.dbforpostgresql/flexibleservers',
  'microsoft.dbformysql/flexibleservers',
  'microsoft.containerservice/managedclusters',
  'microsoft.containerinstance/containergroups',
  'microsoft.web/sites',
]);

const MACHINE = 'microsoft.compute/virtualmachines';

/** The resources, written and deleted as their providers do it, together with what they bring along. */
export function createResourceStore(parts: ResourceStoreParts): ResourceStore {
  const { clock, state, books, costs, images } = parts;

  function find(id: string): Resource | undefined {
    return state.resources.get(keyOf(id));
  }

  /** Names that are taken elsewhere, images that cannot be used, and what cannot be changed once it is there. */
  function check(resource: Resource): WriteFailure | undefined {
    const type = resource.type.toLowerCase();
    const known = find(resource.id);
    const fixed =
      known && (movedError(known, resource) ?? (type === MACHINE ? otherImageError(known, resource) : undefined));
    if (fixed !== undefined) return { status: 409, error: fixed };
    const others = (): Resource[] => [...state.resources.values()].filter(({ id }) => keyOf(id) !== keyOf(resource.id));
    const unique = UNIQUE_NAMES[type];
    if (unique !== undefined && others().some((other) => isTwin(other, resource))) {
      const error = { code: unique.code, message: unique.message(resource.name), target: resource.name };
      return { status: unique.status, error };
    }
    const label = type === 'microsoft.network/publicipaddresses' ? labelOf(resource) : undefined;
    if (label !== undefined && others().some((other) => holdsLabel(other, label, resource.location))) {
      const name = dnsNameOf(label, resource.location ?? '');
      const message = `DNS record ${name} is already used by another public IP.`;
      return { status: 400, error: { code: 'DnsRecordInUse', message, details: [] } };
    }
    return type === MACHINE ? images.checkMachine(resource) : undefined;
  }

  function write(id: string, body: Record<string, unknown>, cause: Cause): WriteFailure | undefined {
    const parsed = parseResourceId(id);
    if (parsed === undefined) throw new Error(`${id} is no id of a resource.`);
    const known = find(id);
    const { location } = body;
    const resource: Resource = {
      id: known?.id ?? id,
      subscriptionId: keyOf(parsed.subscriptionId),
      group: parsed.group ?? '',
      type: parsed.type,
      name: parsed.name,
      ...(typeof location === 'string' ? { location: location.replaceAll(' ', '').toLowerCase() } : {}),
      body: structuredClone(body),
      createdAt: known?.createdAt ?? clock.now(),
      powerHistory: known?.powerHistory ?? [],
      ...(known?.power === undefined ? {} : { power: known.power }),
    };
    const failure = check(resource);
    if (failure !== undefined) return failure;

    resource.body = {
      ...resource.body,
      properties: { ...propertiesOf(resource), ...addedProperties(resource), provisioningState: 'Succeeded' },
    };
    state.resources.set(keyOf(id), resource);
    const { id: resourceId, type, name, group, subscriptionId } = resource;
    const what = known === undefined ? 'resource created' : 'resource changed';
    books.write(what, cause, { resourceId, type, name, group, subscriptionId });
    if (known !== undefined) return undefined;

    costs.opened(resource);
    if (STOPPABLE.has(type.toLowerCase())) {
      resource.power = 'running';
      resource.powerHistory.push({ at: clock.now(), state: 'running', by: cause.by });
      costs.started(resource);
    }
    if (type.toLowerCase() === MACHINE) writeDisks(resource, cause);
    return undefined;
  }

  /** A machine's disks are resources of their own, which no template needs to name. */
  function writeDisks(machine: Resource, cause: Cause): void {
    const storage = propertiesOf(machine).storageProfile as { osDisk?: Disk; dataDisks?: Disk[] } | undefined;
    const disks = [storage?.osDisk ?? {}, ...(storage?.dataDisks ?? [])];
    for (const [index, disk] of disks.entries()) {
      const name = disk.name ?? `${machine.name}_${index === 0 ? 'OsDisk' : `DataDisk_${index - 1}`}_1`;
      const id = machine.id.replace(/\/providers\/.*$/, `/providers/Microsoft.Compute/disks/${name}`);
      const { tags, location } = machine.body;
      write(
        id,
        {
          location,
          ...(tags === undefined ? {} : { tags }),
          managedBy: machine.id,
          properties: {
            diskState: 'Attached',
            ...(disk.diskSizeGB === undefined ? {} : { diskSizeGB: disk.diskSizeGB }),
          },
        },
        cause,
      );
    }
  }

  function remove(resource: Resource, cause: Cause): void {
    const { id, type, name, group, subscriptionId } = resource;
    for (const other of [...state.resources.values()]) {
      if (!isWithin(other.id, id)) continue;
      state.resources.delete(keyOf(other.id));
      costs.closed(other);
    }
    for (const map of [state.locks, state.roleAssignments]) {
      for (const [key, { scope }] of map) if (isWithin(scope, id)) map.delete(key);
    }
    const subscription = state.subscriptions.get(subscriptionId);
    if (subscription !== undefined) subscription.lastDeletionAt = clock.now();
    books.write('resource deleted', cause, { resourceId: id, type, name, group, subscriptionId });
  }

  return {
    find,
    write,
    remove,

    inGroup: (subscriptionId, group) =>
      [...state.resources.values()].filter(
        (resource) => resource.subscriptionId === keyOf(subscriptionId) && isSameText(resource.group, group),
      ),

    setPower(resource, to, cause) {
      if (resource.power === to) return;
      resource.power = to;
      const requestId = cause.clientRequestId;
      const entry = { at: clock.now(), state: to, by: cause.by, ...(requestId === undefined ? {} : { requestId }) };
      resource.powerHistory.push(entry);
      const facts = { resourceId: resource.id, type: resource.type, power: to };
      if (to === 'running') {
        costs.started(resource);
        books.write('resource started', cause, facts);
      } else if (to === 'deallocated' || (to === 'stopped' && resource.type.toLowerCase() !== MACHINE)) {
        costs.stopped(resource);
        books.write('resource stopped', cause, facts);
      }
    },

    view(resource) {
      const { id, type, name } = resource;
      const body = withoutSecrets(resource.body) as Record<string, unknown>;
      const power = powerProperties(resource);
      return {
        id,
        name: name.split('/').at(-1)!,
        type,
        ...body,
        ...(Object.keys(power).length > 0 && { properties: { ...(body.properties as object), ...power } }),
      };
    },
  };
}

interface Disk {
  name?: string;
  diskSizeGB?: number;
}

function isTwin(other: Resource, { type, name }: Resource): boolean {
  return isSameText(other.type, type) && isSameText(other.name, name);
}

function holdsLabel(other: Resource, label: string, location: string | undefined): boolean {
  return (
    isSameText(other.type, 'Microsoft.Network/publicIPAddresses') &&
    other.location === location &&
    labelOf(other) === label
  );
}

/** A resource stays in its region. */
function movedError(known: Resource, { name, group, location }: Resource): ArmError | undefined {
  if (known.location === undefined || location === undefined || known.location === location) return undefined;
  const message =
    `The resource '${name}' already exists in location '${known.location}' in resource group '${group}'. A resource with the ` +
    `same name cannot be created in location '${location}'. Please select a new resource name.`;
  return { code: 'InvalidResourceLocation', message };
}

/** A machine keeps to the image that it was made from, in the very words in which that was named. */
function otherImageError(known: Resource, machine: Resource): ArmError | undefined {
  const [before, after] = [known, machine].map(({ body }) => {
    const storage = propertiesOf({ body }).storageProfile as { imageReference?: object } | undefined;
    return Object.entries(storage?.imageReference ?? {}).map(([field, value]) =>
      `${field} ${String(value)}`.toLowerCase(),
    );
  });
  if (String(before?.toSorted()) === String(after?.toSorted())) return undefined;
  const message = "Changing property 'imageReference' is not allowed.";
  return { code: 'PropertyChangeNotAllowed', message, target: 'imageReference' };
}
