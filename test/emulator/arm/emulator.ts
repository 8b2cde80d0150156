import type { Clock } from '../core/clock.ts';
import type { Faults } from '../core/faults.ts';
import { createServer, type EmulatorServer } from '../core/server.ts';
import type { Tokens } from '../core/tokens.ts';
import { defineAliases } from './aliases.ts';
import { createApi } from './api.ts';
import { createAuthentication, type PartnerIdentity } from './authentication.ts';
import { defineBilling } from './billing.ts';
import { AZURE, createBooks, PARTNER_CENTER } from './books.ts';
import { createCapacity } from './capacity.ts';
import { registerCommands } from './commands.ts';
import { defineComputeCatalog } from './compute-catalog.ts';
import { type Controls, createControls } from './controls.ts';
import { createCosts, type ResourceCost } from './costs.ts';
import { createDeploymentHistory } from './deployment-history.ts';
import { defineDeployments } from './deployment-operations.ts';
import { createDeployments } from './deployments.ts';
import { defineGroups } from './groups.ts';
import { keyOf } from './ids.ts';
import { createImages } from './images.ts';
import { createInjectedFailures } from './injected-failures.ts';
import { createJobs } from './jobs.ts';
import { defineLocks } from './locks.ts';
import { defineMarketplace } from './marketplace.ts';
import { clearState, createState } from './model.ts';
import { createOperations } from './operations.ts';
import { createPower } from './power.ts';
import { definePower } from './power-operations.ts';
import { createPreflight } from './preflight.ts';
import { defineProviders } from './providers.ts';
import { createResourceStore } from './resource-store.ts';
import { defineResources } from './resources.ts';
import { defineRoleAssignments } from './role-assignments.ts';
import { createRoles } from './roles.ts';
import { defineSpending } from './spending.ts';
import { defineSubscriptions } from './subscription-operations.ts';
import { createSubscriptions, type PartnerDesk } from './subscriptions.ts';
import { defaultSwitches } from './switches.ts';
import { defineTags } from './tags.ts';
import { createThrottle } from './throttle.ts';

export interface ArmOptions {
  clock: Clock;
  faults: Faults;
  tokens: Tokens;
  partner: PartnerIdentity;
  /** Partner Center, which keeps the plans that subscriptions belong to. */
  desk: PartnerDesk;
  /** Address of Entra ID, for the challenges in refusals. */
  loginUrl: () => string;
  /** The text behind the address of a linked template; undefined when Azure cannot get it. */
  fetchTemplate?: (uri: string) => string | undefined;
}

/** The name of the partner's billing account. */
export const BILLING_ACCOUNT = 'a8d7c6b5-4e3f-4d2c-9b1a-0f9e8d7c6b5a:5c4b3a29-1807-4f6e-8d5c-4b3a29180716_2019-05-31';

export interface ArmEmulator extends Controls {
  /** To be put on a port with `server.listen` and TLS. */
  server: EmulatorServer;
  /** The API's address. @throws {Error} before the server listens */
  readonly url: string;
  /** What Partner Center tells of its plans, and asks. */
  readonly link: ArmLink;
  /** A service principal came to exist in a tenant. */
  principalAppeared(objectId: string): void;
  /** Secure values of parameters that ever came in, and every token there was. */
  secrets(): string[];
  reset(): void;
}

/** The side that Partner Center talks to. */
export interface ArmLink {
  subscriptionCreated(subscription: { id: string; customerId: string; friendlyName: string }): void;
  subscriptionStatusChanged(id: string, status: 'active' | 'inactive'): void;
  costs(subscriptionId: string, since: { fromMs: number; machineCostPerHour: number }): ResourceCost[];
}

/**
 * Returns an emulated Azure Resource Manager, to be put on a port with TLS, since the clients insist on HTTPS: aliases and
 * subscriptions, providers, groups, deployments, resources, roles, locks, Marketplace terms, power states and costs.
 *
 * @see https://learn.microsoft.com/rest/api/resources
 */
export function createArmEmulator(options: ArmOptions): ArmEmulator {
  const { clock, faults, tokens, partner, desk, loginUrl, fetchTemplate = () => undefined } = options;
  const server = createServer('arm', { clock, faults });
  const switches = defaultSwitches();
  const state = createState();
  const books = createBooks(clock);
  const jobs = createJobs({ clock, switches });
  const base = { clock, state, switches, books, jobs, partner, desk };
  const authentication = createAuthentication({ ...base, tokens, loginUrl });
  const roles = createRoles({ clock, state, adminAgentsId: partner.adminAgentsId });
  const throttle = createThrottle(base);
  const api = createApi({ ...base, server, authentication, roles, throttle });
  const common = { ...base, api, roles, fetchTemplate };

  const images = createImages(common);
  const capacity = createCapacity(common);
  const costs = createCosts(common);
  const injected = createInjectedFailures();
  const store = createResourceStore({ ...common, costs, images });
  const operations = createOperations(common);
  const power = createPower({ ...common, operations, store });
  const subscriptions = createSubscriptions({
    ...common,
    stopEverything: power.stopEverything,
    deleteEverything: ({ id }) => {
      for (const resource of [...state.resources.values()])
        if (resource.subscriptionId === id) store.remove(resource, AZURE);
      for (const [key, group] of state.groups) if (group.subscriptionId === id) state.groups.delete(key);
    },
  });
  const history = createDeploymentHistory(common);
  const deployments = createDeployments({ ...common, store, injected, history });

  defineSubscriptions({ ...common, subscriptions });
  const aliases = defineAliases({ ...common, billingAccount: BILLING_ACCOUNT });
  defineBilling({ ...common, billingAccount: BILLING_ACCOUNT });
  const registrations = defineProviders(common);
  const locks = defineLocks(common);
  const roleAssignments = defineRoleAssignments(common);
  const groups = defineGroups({ ...common, locks, operations, store, deployments });
  defineTags(common);
  defineResources({ ...common, store, locks, registrations, power });
  const preflight = createPreflight({ ...common, registrations, images, capacity, injected, store });
  defineDeployments({ ...common, locks, operations, deployments, history, preflight, store });
  definePower({ ...common, locks, operations, store, power });
  defineComputeCatalog({ ...common, images, capacity, registrations });
  const marketplace = defineMarketplace({ ...common, images, registrations });
  defineSpending({ ...common, costs });

  const controls = createControls({
    ...common,
    authentication,
    aliases,
    roleAssignments,
    groups,
    locks,
    images,
    marketplace,
    capacity,
    injected,
    power,
    store,
    subscriptions,
  });

  let origin: string | undefined;
  const listen = server.listen;
  server.listen = async (listenOptions) => {
    origin = await listen(listenOptions);
    return origin;
  };

  const emulator: ArmEmulator = {
    ...controls,
    server,

    get url() {
      if (origin === undefined) throw new Error('The Azure Resource Manager emulator does not listen yet.');
      return origin;
    },

    link: {
      subscriptionCreated({ id, customerId, friendlyName }) {
        subscriptions.create({ id, tenantId: customerId, displayName: friendlyName }, PARTNER_CENTER);
      },
      subscriptionStatusChanged(id, status) {
        const subscription = state.subscriptions.get(keyOf(id));
        if (subscription === undefined) return;
        subscriptions.setState(subscription, status === 'active' ? 'Enabled' : 'Disabled', PARTNER_CENTER);
      },
      costs: (subscriptionId, since) => costs.since(subscriptionId, since),
    },

    principalAppeared: (objectId) => roleAssignments.principalAppeared(objectId),
    secrets: () => [...new Set([...state.secrets, ...tokens.values()])],

    reset() {
      jobs.clear();
      clearState(state);
      for (const part of [
        authentication,
        throttle,
        operations,
        aliases,
        roleAssignments,
        groups,
        images,
        capacity,
        power,
        marketplace,
      ]) {
        part.reset();
      }
      injected.clear();
      books.clear();
      Object.assign(switches, defaultSwitches());
      server.calls.length = 0;
    },
  };

  registerCommands(server, controls);
  server.command('secrets', emulator.secrets);
  server.command('reset', emulator.reset);
  return emulator;
}
