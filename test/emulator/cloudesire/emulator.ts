import type { Clock } from '../core/clock.ts';
import type { Faults } from '../core/faults.ts';
import { createServer, type EmulatorServer, type ListenOptions } from '../core/server.ts';
import { createApi } from './api.ts';
import { createAuthentication } from './authentication.ts';
import { createBillingPeriods } from './billing-periods.ts';
import { type BuyingControls, createBuyingControls } from './buying-controls.ts';
import { type CatalogueControls, createCatalogueControls } from './catalogue-controls.ts';
import { addCatalogueRoutes } from './catalogue-routes.ts';
import { addCommands } from './commands.ts';
import { addCustomerRoutes } from './customer-routes.ts';
import { createEventControls, type EventControls } from './event-controls.ts';
import { addEventRoutes } from './event-routes.ts';
import { createTransport } from './event-transport.ts';
import { createEvents } from './events.ts';
import { createLedger } from './ledger.ts';
import { createLifecycle } from './lifecycle.ts';
import { createMarketplaceCalls, type MarketplaceCalls } from './marketplace-calls.ts';
import { createMetadataAccess } from './metadata-routes.ts';
import type { BookEntry } from './model.ts';
import { addOrderRoutes } from './order-routes.ts';
import { createOrdering } from './ordering.ts';
import { createReports } from './reports.ts';
import { listSecrets } from './secrets.ts';
import { addSessionRoutes } from './session-routes.ts';
import { createState } from './state.ts';
import { createSubscriptionForms } from './subscription-form.ts';
import { addSubscriptionRoutes } from './subscription-routes.ts';
import { applySwitches, DEFAULT_SWITCHES, type Switches } from './switches.ts';
import { createTransitions } from './transitions.ts';

/** Permanent token of the account that the connector uses, user 41 of the vendor company 40. */
export const CMW_AUTH_TOKEN = 'perm-token-for-tests';

/** Secrets that events are signed with, as seeded: the vendor company's and the one of the products. */
export const CMW_EVENT_SECRETS = ['vendor-secret-for-tests', 'product-secret-for-tests'];

export interface CloudesireEmulator
  extends BuyingControls,
    EventControls,
    CatalogueControls,
    Pick<MarketplaceCalls, 'validateOrder' | 'parameterValues' | 'readMetric'> {
  /** To be put on a port with `server.listen`; `server.close` also ends the marketplace's own connections and timers. */
  server: EmulatorServer;
  /** Base address of the API, path included. @throws {Error} before the server listens */
  readonly url: string;
  switches(): Switches;
  /** Changes some switches and returns all of them. */
  setSwitches(changes: Partial<Switches>): Switches;
  expireLoginTokens(): void;
  books(): BookEntry[];
  secrets(): string[];
  /**
   * Back to the seed: no subscriptions, no events, default switches, and events go nowhere but to the delivery target.
   * Ids count up from the given one again.
   */
  reset(options?: { firstSubscriptionId?: number }): void;
}

/**
 * Returns the marketplace, seeded with one vendor, three customers and three CSP products, one of each kind, but without
 * subscriptions: those come about through the control functions, which stand for what people do there.
 *
 * @see https://docs.cloudesire.com/docs/api.html
 */
export function createCloudesireEmulator(parts: {
  clock: Clock;
  faults: Faults;
  prefix?: string;
  /** Where the templates that the seed names are published. */
  templateOrigin?: string;
}): CloudesireEmulator {
  const { clock, faults, prefix = '/api', templateOrigin } = parts;
  const state = createState(clock, templateOrigin);
  const switches: Switches = structuredClone(DEFAULT_SWITCHES);
  const transport = createTransport();
  const events = createEvents({ clock, state, switches, transport });
  const base = { clock, state, switches, events };
  const ledger = createLedger(base);
  const transitions = createTransitions(base);
  const periods = createBillingPeriods({ ...base, ledger, transitions });
  const lifecycle = createLifecycle({ ...base, ledger, transitions, periods });
  const ordering = createOrdering({ ...base, ledger, transitions, periods, lifecycle });
  const reports = createReports({ ...base, transitions, periods });
  const forms = createSubscriptionForms({ state, switches, ledger });
  const marketplaceCalls = createMarketplaceCalls({ state, transport });

  const inner = createServer('cloudesire', { clock, faults });
  const authentication = createAuthentication(base);
  const api = createApi({ server: inner, prefix, clock, switches, authentication });
  const metadata = createMetadataAccess({ api, state, switches });
  addSessionRoutes({ api, state, authentication });
  addSubscriptionRoutes({ ...base, api, ledger, lifecycle, periods, ordering, reports, forms, metadata });
  addOrderRoutes({ api, state, ledger, lifecycle, ordering, forms });
  addCustomerRoutes({ api, state, switches, metadata });
  addCatalogueRoutes({ api, state, switches, metadata, parameterValues: marketplaceCalls.valuesFor });
  addEventRoutes({ api, state, switches, events });

  let origin: string | undefined;
  const server: EmulatorServer = {
    ...inner,
    async listen(options: ListenOptions) {
      origin = await inner.listen(options);
      return origin;
    },
    async close() {
      transitions.reset();
      events.reset();
      transport.close();
      await inner.close();
    },
  };

  const { validateOrder, parameterValues, readMetric } = marketplaceCalls;
  const calls = { validateOrder, parameterValues, readMetric };
  const buying = createBuyingControls({ state, ledger, lifecycle, ordering, periods, transitions });
  const { restoreDeliveryTarget, ...eventing } = createEventControls({ state, events, now: () => clock.now() });
  const catalogue = createCatalogueControls({ state, events, metadata });
  const administration = {
    switches: () => structuredClone(switches),
    setSwitches(changes: Partial<Switches>) {
      applySwitches(switches, changes);
      return structuredClone(switches);
    },
    expireLoginTokens: () => authentication.expireLoginTokens(),
    books: () => structuredClone(state.books),
    secrets: () => listSecrets({ state, authentication }),
    reset({ firstSubscriptionId }: { firstSubscriptionId?: number } = {}) {
      transitions.reset();
      events.reset();
      state.reset(firstSubscriptionId);
      authentication.reset();
      Object.assign(switches, structuredClone(DEFAULT_SWITCHES));
      restoreDeliveryTarget();
      server.calls.length = 0;
    },
  };
  addCommands({ server, buying, eventing, catalogue, calls, administration });

  return {
    ...buying,
    ...eventing,
    ...catalogue,
    ...calls,
    ...administration,
    server,
    get url() {
      if (origin === undefined) throw new Error('The Cloudesire emulator does not listen yet.');
      return `${origin}${prefix}`;
    },
  };
}
