import type { Aliases } from './aliases.ts';
import type { Authentication } from './authentication.ts';
import { AZURE, type Books, type Entry, PERSON } from './books.ts';
import type { Capacity, Restriction } from './capacity.ts';
import { viewDeployment, viewOperation } from './deployment-views.ts';
import type { Groups } from './groups.ts';
import { groupId, isSameText, isWithin, keyOf } from './ids.ts';
import type { Image, Images } from './images.ts';
import type { FailureRule, Injected } from './injected-failures.ts';
import type { Jobs } from './jobs.ts';
import type { Locks } from './locks.ts';
import type { Marketplace } from './marketplace.ts';
import type { AzureSubscription, Lock, Resource, State } from './model.ts';
import type { Power, PowerAction } from './power.ts';
import type { ResourceStore } from './resource-store.ts';
import type { RoleAssignments } from './role-assignments.ts';
import type { Roles } from './roles.ts';
import type { Subscriptions } from './subscriptions.ts';
import { changeSwitches, type Switches } from './switches.ts';
import { tagsOf } from './tags.ts';
import type { ArmError } from './template/types.ts';

export interface ControlParts {
  state: State;
  switches: Switches;
  books: Books;
  jobs: Jobs;
  authentication: Authentication;
  roles: Roles;
  aliases: Aliases;
  roleAssignments: RoleAssignments;
  groups: Groups;
  locks: Locks;
  images: Images;
  marketplace: Marketplace;
  capacity: Capacity;
  injected: Injected;
  power: Power;
  store: ResourceStore;
  subscriptions: Subscriptions;
}

/**
 * What people and chance do in Azure, how the emulator is made to behave, and what it may be asked. Each takes one object,
 * as the command of the same name does.
 *
 * @throws {Error} from each of them when the thing it names does not exist
 */
export function createControls(parts: ControlParts) {
  const { state, switches, books, jobs, roles, aliases, groups, locks, images, marketplace } = parts;
  const { capacity, injected, power, store, subscriptions, authentication, roleAssignments } = parts;

  function subscriptionOf(id: string): AzureSubscription {
    const subscription = state.subscriptions.get(keyOf(id));
    if (subscription === undefined) throw new Error(`There is no Azure subscription ${id}.`);
    return subscription;
  }

  function resourceOf(id: string): Resource {
    const resource = store.find(id);
    if (resource === undefined) throw new Error(`There is no resource ${id}.`);
    return resource;
  }

  return {
    switches: (): Switches => structuredClone(switches),
    setSwitches: (changes: Partial<Switches>): Switches => structuredClone(changeSwitches(switches, changes)),

    /** Every operation that is on its way ends now. */
    finishOperations: (): void => jobs.finishAll(),

    /** Resources of deployments to come fail. */
    failResource: (rule: FailureRule): FailureRule[] => {
      injected.add(rule);
      return injected.pending();
    },
    clearFailures: (): void => injected.clear(),

    failAliases: ({ times = 1 }: { times?: number } = {}): void => aliases.failNext(times),
    throttleAliases: ({ times = 1, retryAfterS = 60 }: { times?: number; retryAfterS?: number } = {}): void =>
      aliases.throttleNext(times, retryAfterS),
    /** A person deletes an alias, of which Azure keeps the subscription if there is one. */
    deleteAliasByHand: ({ alias }: { alias: string }): boolean => aliases.remove(alias, PERSON),
    /** The next role assignments without a type of principal meet `PrincipalNotFound`. */
    forgetPrincipals: ({ times = 1 }: { times?: number } = {}): void => roleAssignments.forgetPrincipals(times),
    /** Tokens issued until now meet the claims challenge of continuous access evaluation. */
    challengeTokens: (): void => authentication.challengeTokens(),

    /** The customer takes the partner's admin agents their ownership. */
    removeForeignPrincipal: ({ subscription }: { subscription: string }): boolean =>
      roles.removeForeignPrincipal(subscriptionOf(subscription).id),

    setSubscriptionState: ({ subscription, to }: { subscription: string; to: AzureSubscription['state'] }): void =>
      subscriptions.setState(subscriptionOf(subscription), to, PERSON),
    registerProviders: ({ subscription, namespaces }: { subscription: string; namespaces: string[] }): void => {
      for (const name of namespaces) subscriptionOf(subscription).registrations.set(keyOf(name), 'Registered');
    },

    lock: ({
      scope,
      name = 'by-hand',
      level = 'CanNotDelete',
    }: {
      scope: string;
      name?: string;
      level?: Lock['level'];
    }): Lock => structuredClone(locks.set(scope, name, level, PERSON)),
    unlock: ({ scope }: { scope: string }): void => {
      for (const [key, lock] of state.locks) if (isSameText(lock.scope, scope)) state.locks.delete(key);
    },
    /** Resources that cannot be deleted with their group, by a part of their id. */
    blockDeletion: ({ resource, on = true }: { resource: string; on?: boolean }): void =>
      groups.blockDeletion(resource, on),

    images: (): Image[] => images.list(),
    putImage: (image: Image): void => images.put(image),
    removeImage: (image: Pick<Image, 'publisher' | 'offer' | 'sku'>): void => images.remove(image),
    requirePortal: ({
      publisher,
      offer,
      plan,
      on = true,
    }: {
      publisher: string;
      offer: string;
      plan: string;
      on?: boolean;
    }): void => marketplace.requirePortal(publisher, offer, plan, on),

    restrictSize: (restriction: Omit<Restriction, 'reasonCode'> & Partial<Restriction>): void =>
      capacity.restrict({ reasonCode: 'NotAvailableForSubscription', ...restriction }),
    allowSize: ({ size }: { size: string }): void => capacity.allow(size),
    setQuota: (quota: { subscriptionId?: string; location?: string; name: string; limit: number }): void =>
      capacity.setQuota(quota),

    failStarts: ({ resource, times = 1, error }: { resource: string; times?: number; error?: ArmError }): void =>
      power.failStarts(resource, times, error),
    /** A person starts or stops a resource in the portal; it is done at once. */
    powerByHand: ({ resource, action }: { resource: string; action: PowerAction }): void =>
      power.act(resourceOf(resource), action, PERSON).job.finish(),
    deleteByHand: ({ resource }: { resource: string }): void => store.remove(resourceOf(resource), PERSON),
    /** A person deletes a resource group with all that is in it; it is done at once. */
    deleteGroupByHand: ({ group: name }: { group: string }): void => {
      const found = [...state.groups].filter(([, group]) => isSameText(group.name, name));
      for (const [key, group] of found) {
        for (const resource of [...state.resources.values()])
          if (isWithin(resource.id, group.id)) store.remove(resource, PERSON);
        state.groups.delete(key);
        books.write('group deleted', PERSON, { groupId: group.id });
      }
    },
    putResource: ({ id, body }: { id: string; body: Record<string, unknown> }): Record<string, unknown> => {
      const failure = store.write(id, body, AZURE);
      if (failure !== undefined) throw new Error(`${failure.error.code}: ${failure.error.message}`);
      return store.view(resourceOf(id));
    },

    subscriptions: () =>
      [...state.subscriptions.values()].map(({ registrations, ...subscription }) => ({
        ...structuredClone(subscription),
        registrations: Object.fromEntries(registrations),
      })),
    groups: () => [...state.groups.values()].map((group) => structuredClone(group)),
    resources: () =>
      [...state.resources.values()].map((resource) => ({ power: resource.power ?? null, ...store.view(resource) })),
    roleAssignments: () => [...state.roleAssignments.values()].map((one) => structuredClone(one)),
    aliases: () => [...state.aliases.values()].map((one) => structuredClone(one)),
    terms: () => [...state.terms.values()].map((one) => structuredClone(one)),
    locks: () => [...state.locks.values()].map((one) => structuredClone(one)),
    powerHistory: ({ resource }: { resource: string }): Resource['powerHistory'] =>
      structuredClone(resourceOf(resource).powerHistory),

    /** Everything that Azure shows of deployments: parameters, outputs, errors, operations and templates. */
    deploymentHistory: ({ group }: { group?: string } = {}): object[] =>
      [...state.deployments.values()]
        .filter((deployment) => group === undefined || isSameText(deployment.group, group))
        .map((deployment) => ({
          ...structuredClone(viewDeployment(deployment)),
          operations: deployment.operations.map((operation) => viewOperation(deployment, operation)),
          template: structuredClone(deployment.template),
        })),

    /** Ids of what is left: in a group, or with a tag, in whichever group. Groups themselves are named too. */
    leftovers: ({ group, tag, value }: { group?: string; tag?: string; value?: string } = {}): string[] => {
      const isMeant = (tags: Record<string, string>): boolean =>
        tag === undefined ||
        Object.entries(tags).some(([key, text]) => isSameText(key, tag) && (value === undefined || text === value));
      const isInGroup = (id: string, subscriptionId: string): boolean =>
        group === undefined || isWithin(id, groupId(subscriptionId, group));
      return [
        ...[...state.groups.values()].filter(
          ({ id, tags, subscriptionId }) => isMeant(tags) && isInGroup(id, subscriptionId),
        ),
        ...[...state.resources.values()].filter(
          (resource) => isMeant(tagsOf(resource)) && isInGroup(resource.id, resource.subscriptionId),
        ),
      ].map(({ id }) => id);
    },

    /** Everything that happened, in order, and again by kind. */
    books: () => {
      const entries = books.entries();
      const of = (...kinds: Entry['what'][]): Entry[] => entries.filter(({ what }) => kinds.includes(what));
      return {
        entries,
        subscriptions: of('subscription created'),
        groups: of('group created'),
        deployments: of('deployment started'),
        created: of('resource created'),
        deleted: of('resource deleted'),
        started: of('resource started'),
        stopped: of('resource stopped'),
        roles: of('role assigned'),
        terms: of('terms accepted'),
      };
    },
  };
}

export type Controls = ReturnType<typeof createControls>;
