import type { Clock } from '../core/clock.ts';
import type { Faults } from '../core/faults.ts';
import { createServer, type EmulatorServer } from '../core/server.ts';
import type { Tokens } from '../core/tokens.ts';
import { defineAddresses } from './addresses.ts';
import { defineAgreements, defineVetting } from './agreements.ts';
import { createApi } from './api.ts';
import { defineAudit } from './audit.ts';
import { type AzureDesk, type AzureLink, createAzure, createAzureDesk } from './azure.ts';
import { createBooks } from './books.ts';
import { defineCarts } from './carts.ts';
import { createCatalog } from './catalog.ts';
import { defineCatalog } from './catalog-operations.ts';
import { type Controls, registerCommands } from './commands.ts';
import { type ConsentDirectory, createLonelyConsents, defineConsents } from './consents.ts';
import { createControls } from './controls.ts';
import { defineCountryRules } from './countries.ts';
import { defineCustomers } from './customers.ts';
import { defineDirectoryRoles } from './directory-roles.ts';
import { defineEntitlements } from './entitlements.ts';
import { defineFraudEvents } from './fraud.ts';
import { createInspections } from './inspections.ts';
import { createState, type State } from './model.ts';
import { defineOrders } from './order-operations.ts';
import { createOrders } from './orders.ts';
import { defineQualifications, defineRelationships, seededResellers } from './relationships.ts';
import { createSchedule } from './schedule.ts';
import { createSigner, type Signer } from './signing.ts';
import { createSubscriptionChanges } from './subscription-changes.ts';
import { createSubscriptionLedger } from './subscription-ledger.ts';
import { defineSubscriptions } from './subscription-operations.ts';
import { createSubscriptions } from './subscriptions.ts';
import { defaultSwitches } from './switches.ts';
import { createTermEnd } from './term-end.ts';
import { defineTransitions } from './transitions.ts';
import { defineUsage } from './usage.ts';
import { CERTIFICATE_PATH, defineWebhooks } from './webhooks.ts';

/** The cast of identifiers that the emulator starts with, when the caller brings none. */
const PARTNER_TENANT_ID = 'a1f0c3d2-5b64-4e7a-9c18-2d3e4f506172';
const INTEGRATION_USER_ID = 'b7d15e2c-40a9-4c86-9e3d-1f5a8c2b7064';
const INTEGRATION_USER_NAME = 'integration@provider.example';
const TAKEN_DOMAIN = 'contosobakery.onmicrosoft.com';

export interface PartnerCenterOptions {
  clock: Clock;
  faults: Faults;
  tokens: Tokens;
  partnerTenantId?: string;
  /** The person behind App+User tokens: object id and user principal name. */
  integrationUser?: { objectId: string; userPrincipalName: string };
  /** Origin, if not the emulator's own, under which its signing certificate is reached: verifiers insist on https. */
  certificateOrigin?: string;
  /** Hears of every tenant that comes to exist. */
  onTenant?: (tenant: { id: string; domain: string }) => void;
  /** Where consents to the partner's app take effect. */
  consents?: ConsentDirectory;
  /** Azure Resource Manager, if it runs beside: it then keeps the Azure subscriptions and tells what they cost. */
  azureLink?: AzureLink;
}

export interface PartnerCenterEmulator extends Controls {
  server: EmulatorServer;
  /** The origin once the server listens, e.g. `http://127.0.0.1:41233`; empty before. */
  readonly url: string;
  /** The side that Azure Resource Manager talks to. */
  readonly azureDesk: AzureDesk;
  /** What a verifier of webhook events must trust, as PEM. */
  webhookRootCertificate(): string;
  /** The passwords it made and the personal data it was given, none of which belongs in a log. */
  secrets(): string[];
  /** Back to the start: no customers, seeded catalog, default switches. */
  reset(): void;
}

/**
 * Partner Center on loopback: customers, agreements, catalog, carts, orders, subscriptions through their whole life, Azure
 * plans, webhooks. The API is below `/v1` and `/webhooks/v1`; tokens are those that the Entra ID emulator issued.
 *
 * @see https://learn.microsoft.com/partner-center/developer/scenarios
 */
export function createPartnerCenterEmulator(options: PartnerCenterOptions): PartnerCenterEmulator {
  const { clock, faults, tokens } = options;
  const partnerTenantId = options.partnerTenantId ?? PARTNER_TENANT_ID;
  const integrationUserId = options.integrationUser?.objectId ?? INTEGRATION_USER_ID;
  const userPrincipalName = options.integrationUser?.userPrincipalName ?? INTEGRATION_USER_NAME;
  const onTenant = options.onTenant ?? (() => undefined);

  const server = createServer('partner-center', { clock, faults });
  const switches = defaultSwitches();
  const state = createState();
  const books = createBooks(clock);
  const schedule = createSchedule(clock);
  const catalog = createCatalog({ clock, switches });
  const api = createApi({ server, clock, tokens, switches, integrationUserId });
  let url = '';
  let signer: Signer | undefined;

  const listen = server.listen.bind(server);
  server.listen = async (listenOptions) => {
    url = await listen(listenOptions);
    return url;
  };

  function useSigner(): Signer {
    signer ??= createSigner();
    return signer;
  }

  const { azureLink } = options;
  const common = {
    azureLink,
    api,
    server,
    clock,
    switches,
    state,
    books,
    schedule,
    catalog,
    partnerTenantId,
    integrationUserId,
  };
  const certificateUrl = () => `${options.certificateOrigin ?? url}${CERTIFICATE_PATH}`;
  const webhooks = defineWebhooks({ ...common, signer: useSigner, certificateUrl });
  const ledger = createSubscriptionLedger({ clock, books, webhooks });
  const termEnd = createTermEnd({ ...common, ledger });
  const azure = createAzure(common);
  const subscriptions = createSubscriptions({ ...common, ledger, termEnd, azure });
  const changes = createSubscriptionChanges({ ...common, ledger, termEnd, azure });
  const orders = createOrders({ ...common, subscriptions });

  defineCountryRules(common);
  defineCustomers({ ...common, onTenant });
  defineRelationships(common);
  defineQualifications(common);
  defineVetting(common);
  defineCatalog(common);
  defineOrders({ ...common, orders, subscriptions });
  const subscriptionParts = { ...common, ledger, termEnd, azure, subscriptions, changes };
  defineSubscriptions(subscriptionParts);
  const transitions = defineTransitions(subscriptionParts);
  defineEntitlements({ ...common, azure });
  defineDirectoryRoles(common);
  defineConsents({ ...common, consents: options.consents ?? createLonelyConsents() });
  defineAudit({ ...common, userPrincipalName });
  const addresses = defineAddresses(common);
  const agreements = defineAgreements(common);
  const carts = defineCarts({ ...common, orders });
  const usage = defineUsage({ ...common, webhooks });
  const fraud = defineFraudEvents({ ...common, webhooks, userPrincipalName });

  const parts = {
    ...common,
    addresses,
    agreements,
    azure,
    carts,
    fraud,
    orders,
    changes,
    ledger,
    subscriptions,
    termEnd,
    transitions,
    webhooks,
    onTenant,
  };
  const controls: Controls = { ...createControls(parts), ...createInspections(parts) };

  function start(): void {
    state.takenDomains.add(TAKEN_DOMAIN);
    state.resellers.push(...seededResellers());
    usage.watchBudgets();
  }

  function reset(): void {
    schedule.clear();
    clearState(state);
    for (const part of [api, catalog, webhooks, addresses, agreements, carts, orders, fraud]) part.reset();
    books.clear();
    Object.assign(switches, defaultSwitches());
    server.calls.length = 0;
    start();
  }

  function secrets(): string[] {
    return [...new Set([...state.passwords, ...state.personalData])];
  }

  registerCommands(server, controls);
  server.command('reset', reset);
  server.command('secrets', secrets);
  server.command('webhookRootCertificate', () => useSigner().rootCertificate);
  start();

  return {
    ...controls,
    server,
    azureDesk: createAzureDesk({ state, azure }),
    get url() {
      return url;
    },
    webhookRootCertificate: () => useSigner().rootCertificate,
    secrets,
    reset,
  };
}

function clearState(state: State): void {
  for (const part of Object.values(state)) {
    if (Array.isArray(part)) part.length = 0;
    else part.clear();
  }
}
