import type { Emulators } from '../emulator/emulators.ts';
import type { World } from './world.ts';

/** What the marketplace and its customers do with one product, from the order to its end. */
export interface Life {
  /** What lives, in the names of tests. */
  name: string;
  /** Virtual time between two looks, at the least. */
  stepMs: number;
  /** Makes the upstreams ready for it, from the seed. */
  prepare(emulators: Emulators): void;
  order: Parameters<Emulators['cloudesire']['placeOrder']>[0];
  /** What happens once the order is delivered, one after the other; before each, the connector is at rest. */
  chapters: [name: string, happen: (emulators: Emulators, subscription: number) => void | Promise<void>][];
}

const DAY_MS = 86_400_000;
const SECOND_MS = 1_000;
const BUYER = 1301;

type Chapter = Life['chapters'][number];
const SUSPENDED: Chapter = ['suspended', ({ cloudesire }, id) => cloudesire.stop(id)];
const RESUMED: Chapter = ['resumed', ({ cloudesire }, id) => cloudesire.resume(id)];
const ENDED: Chapter = ['ended', ({ cloudesire }, id) => void cloudesire.terminate(id)];

function prepareLicence({ partnerCenter }: Emulators): void {
  partnerCenter.acceptAllAttestations(true);
  partnerCenter.setOrderDelayMs(600);
  partnerCenter.setSwitches({ transitionDelayMs: 2 * SECOND_MS });
}

function prepareAzure({ partnerCenter, arm }: Emulators): void {
  partnerCenter.acceptAllAttestations(true);
  // Azure is soon done with what it is asked for: here it matters what is asked, not how long it takes.
  arm.setSwitches({ pollsUntilDone: 1, subscriptionVisibleAfterMs: 0, subscriptionStateDelayMs: 0 });
}

export const LICENCE: Life = {
  name: 'a licence',
  stepMs: SECOND_MS,
  prepare: prepareLicence,
  order: { plan: 2101, buyer: BUYER, licenses: 10, paid: true },
  chapters: [
    ['more seats', ({ cloudesire }, id) => void cloudesire.changeQuantity(id, 14, { paid: true })],
    SUSPENDED,
    RESUMED,
    ENDED,
  ],
};

export const TRIAL: Life = {
  name: 'a trial',
  stepMs: SECOND_MS,
  prepare: prepareLicence,
  order: { plan: 2101, buyer: BUYER, licenses: 10, type: 'TRIAL' },
  chapters: [
    ['converted', ({ cloudesire }, id) => void cloudesire.convertTrial(id, { paid: true })],
    ['over', ({ clock }) => clock.advance(32 * DAY_MS)],
    ENDED,
  ],
};

export const ABANDONED_TRIAL: Life = { ...TRIAL, name: 'an abandoned trial', chapters: [ENDED] };

export const AZURE_IMAGE: Life = {
  name: 'a marketplace image',
  stepMs: 10 * SECOND_MS,
  prepare(emulators) {
    prepareAzure(emulators);
    const { cloudesire } = emulators;
    cloudesire.putPlan(2202, { name: 'Large' }, 2201);
    const image = { azurePublisher: 'aurora-linux', azureOffer: 'hardened-server', azureSku: '22-04-gen2' };
    cloudesire.putPlanMetadata(2202, { ...image, vmSize: 'Standard_D4s_v5' });
  },
  order: { plan: 2201, buyer: BUYER, paid: true, parameters: { DNS_PREFIX: 'officine-web' } },
  chapters: [
    ['another plan', ({ cloudesire }, id) => void cloudesire.changePlan(id, 2202, { paid: true })],
    SUSPENDED,
    RESUMED,
    ENDED,
  ],
};

export const ARM_TEMPLATE: Life = {
  name: 'an ARM template',
  stepMs: 10 * SECOND_MS,
  prepare: prepareAzure,
  order: {
    plan: 2301,
    buyer: BUYER,
    paid: true,
    parameters: { DNS_PREFIX: 'hafenkontor-shop', ADMIN_PASSWORD: 'Kx4!example-only' },
  },
  chapters: [
    [
      'another parameter',
      ({ cloudesire }, id) => cloudesire.changeParameters(id, { ADMIN_PASSWORD: 'Another4!example' }),
    ],
    SUSPENDED,
    RESUMED,
    ENDED,
  ],
};

export interface Outcome {
  marketplace: { credentials: string[]; instructions: Record<string, string>; [fact: string]: unknown };
  /** Codes of what operations were told so far. */
  alerts: string[];
  [side: string]: unknown;
}

/**
 * What stands in the books of the upstreams and in ours, so that two lives can be compared: without identifiers, instants and
 * the order of things, and without what may be done twice at no cost.
 */
export async function outcomeOf({ emulators, records, alerts }: World, id: number): Promise<Outcome> {
  const { cloudesire, partnerCenter, arm } = emulators;
  const { deploymentStatus, endpoints, credentials, instructions, statusHistory, metadata } =
    cloudesire.subscription(id);
  const { told: _told, seen: _seen, since: _since, step: _step, ...record } = (await records.get(id)) ?? {};
  return comparable({
    marketplace: {
      deploymentStatus,
      was: statusHistory.map(({ to }) => to),
      endpoints: endpoints.map(({ id: _id, ...endpoint }) => endpoint),
      credentials: credentials.map(({ key }) => key),
      instructions,
      metadata,
    },
    record,
    alerts: [...alerts],
    partnerCenter: {
      happened: countsOf(partnerCenter.books().entries),
      customers: partnerCenter.customers(),
      orders: partnerCenter.orders(),
      subscriptions: partnerCenter.subscriptions(),
    },
    azure: {
      happened: countsOf(arm.books().entries),
      subscriptions: arm.subscriptions(),
      groups: arm.groups(),
      resources: arm.resources(),
      roles: arm.roleAssignments(),
      left: arm.leftovers({ tag: 'cloudesire-subscription', value: String(id) }),
    },
  });
}

/**
 * The outcomes of a life, by chapter, as they have to be where the answer that created the customer was lost, and the password in it:
 * the customer reads, and operations are told, that it has to be reset. `told` are the outcomes whose words are taken for that.
 */
export function withLostPassword(
  undisturbed: Record<string, Outcome>,
  told: Record<string, Outcome>,
): Record<string, Outcome> {
  return Object.fromEntries(
    Object.entries(undisturbed).map(([chapter, { marketplace, alerts, ...outcome }]) => {
      const credentials = marketplace.credentials.filter((key) => key !== 'Password');
      const instructions = told[chapter]?.marketplace.instructions ?? {};
      return [
        chapter,
        { ...outcome, marketplace: { ...marketplace, credentials, instructions }, alerts: [PASSWORD_LOST, ...alerts] },
      ];
    }),
  );
}

const PASSWORD_LOST = 'customer.password-lost';

function countsOf(entries: { what: string; by: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { what, by } of entries) counts[`${what} by ${by}`] = (counts[`${what} by ${by}`] ?? 0) + 1;
  return counts;
}

const VARYING: [RegExp, string][] = [
  [/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi, '<uuid>'],
  [/\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:?\d\d)?)?/g, '<at>'],
  [/\b\d{1,2}º? \p{L}+ 20\d\d\b/gu, '<date>'],
  [/"(\w+At)":\d{13}/g, '"$1":0'],
  [/\b[0-9a-f]{12,64}\b/gi, '<id>'],
  [/\b20(\.\d{1,3}){3}\b/g, '<address>'],
  [/\b00(-[0-9A-F]{2}){5}\b/g, '<mac>'],
  // What the template makes of the name of its group.
  [/-pg-[a-z0-9]+/g, '-pg-<hash>'],
];

/** The same without what differs from life to life. */
export function comparable<T>(value: T): T {
  return JSON.parse(VARYING.reduce((text, [pattern, word]) => text.replaceAll(pattern, word), JSON.stringify(value)));
}
