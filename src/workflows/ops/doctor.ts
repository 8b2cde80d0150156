import type { Clock } from '../../lib/clock.ts';
import { ConnectorError, RetryableError } from '../../lib/errors.ts';
import { toTheSecond } from '../../lib/moment.ts';
import { SIGN_IN } from '../../lib/sign-in.ts';
import type { Azure } from '../../upstreams/azure/client.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import type { PartnerCenter } from '../../upstreams/partner-center/client.ts';
import type { Tokens } from '../../upstreams/partner-center/token.ts';
import type { TemplateHost } from '../../upstreams/template-host.ts';
import { readSelling } from '../selling.ts';
import { productAndSku } from '../term-item.ts';
import { noteOnBacklog, type Presence, standstillOf, type Taking } from './standing.ts';

export type Verdict = 'ok' | 'warning' | 'failed' | 'skipped';

/** What was found out about one thing, and what to do where it is not in order. */
export interface Finding {
  check: string;
  verdict: Verdict;
  says: string;
  cure?: string;
}

/** What Redis says of itself. */
export interface StoreFacts {
  /** One sentence for each setting that can lose or throw away what is stored. */
  warnings: string[];
  /** What keeps it from taking writes, in a sentence. */
  refusal?: string | undefined;
  /** Its clock, in milliseconds since the epoch. */
  now: number;
}

export interface DoctorParts {
  settings: {
    /** Sentences about settings that are usable, but not right. */
    warnings: readonly string[];
    /** Sentences about secrets whose files cannot be read now. */
    problems: readonly string[];
    /** Where Partner Center is to deliver its events. */
    webhookUrl: string | undefined;
    sandboxOrders: 'refuse' | 'allow';
    isBillingAccountSet: boolean;
  };
  /** @throws {ConnectorError} when Redis cannot be reached */
  examineStore(): Promise<StoreFacts>;
  /** Who takes looks. */
  workers(): Promise<Presence>;
  /** How they take them. */
  taking(): Promise<Taking>;
  /** @throws {AttentionError} when something was sealed with another key */
  assertSealedReadable(): Promise<void>;
  /** Milliseconds since the epoch, at an upstream that can be trusted with the time. */
  upstreamTime(): Promise<number | undefined>;
  cloudesire: Pick<Cloudesire, 'subscriptions' | 'range' | 'catalogue' | 'customers'>;
  partnerCenter: Pick<PartnerCenter, 'account' | 'customers' | 'catalog' | 'webhooks'>;
  tokens: Pick<Tokens, 'appOnly' | 'appUser' | 'hasUser'>;
  azure: { bootstrap: Pick<Azure['bootstrap'], 'billingAccount'> };
  templateHost: TemplateHost;
  clock: Clock;
}

type Found = Omit<Finding, 'check'>;

interface Check {
  name: string;
  /** Checks without whose success there is nothing to find out. */
  after?: string[];
  /** The upstream that it asks: while that is out, which another check has found, nothing else would be found out. */
  asks?: string;
  look(): Promise<Found[]>;
}

/** Tokens hold for an hour and are refused a few minutes off; the webhook's and TLS certificates do not look at seconds. */
const TOLERATED_SKEW_MS = 60_000;
/** An integration sandbox cannot have more. https://learn.microsoft.com/partner-center/developer/test-and-debug */
const MOST_SANDBOX_CUSTOMERS = 75;
/** Plans are looked at until so many different things that they sell are known. */
const MOST_OFFERS = 40;

/**
 * Looks at everything that the service depends on, as it is set up, and says of each thing whether it is in order and what to do if not. Nothing
 * is written to any upstream. Findings come in the order in which they are best cured: what could not be looked at because of something
 * before is `skipped`.
 */
export async function* examine(parts: DoctorParts): AsyncGenerator<Finding> {
  const unusable = new Set<string>();
  const foundOut = new Map<string, string>();
  for (const { name, after = [], asks = '', look } of checksOf(parts)) {
    const missing = after.find((one) => unusable.has(one)) ?? foundOut.get(asks);
    if (missing !== undefined) {
      unusable.add(name);
      yield { check: name, verdict: 'skipped', says: `Not looked at, because of ${missing}.` };
      continue;
    }
    const found = await look().catch((error: unknown) => {
      if (isOut(error) && error.facts.upstream !== undefined) foundOut.set(error.facts.upstream, name);
      return [failure(error)];
    });
    if (found.some(({ verdict }) => verdict === 'failed' || verdict === 'skipped')) unusable.add(name);
    for (const one of found) yield { check: name, ...one };
  }
}

function checksOf(parts: DoctorParts): Check[] {
  const { settings, cloudesire, partnerCenter, tokens, azure, templateHost, clock } = parts;
  let store: StoreFacts | undefined;
  let customers = 0;
  let range: Range | undefined;

  return [
    {
      name: 'settings',
      async look() {
        const found = [
          ...settings.problems.map((says) =>
            failed(says, 'Make the file readable for the service, with the secret in it.'),
          ),
          ...settings.warnings.map(warning),
        ];
        return found.length > 0 ? found : [ok('All settings can be used.')];
      },
    },
    {
      name: 'redis',
      async look() {
        store = await parts.examineStore();
        if (store.refusal !== undefined) {
          return [failed(store.refusal, 'Look at memory, disk and rights of Redis: without writes no event is taken.')];
        }
        return [ok('Redis answers and takes writes.')];
      },
    },
    {
      name: 'durability',
      after: ['redis'],
      async look() {
        const warnings = store?.warnings ?? [];
        return warnings.length > 0 ? warnings.map((says) => failed(says)) : [ok('What Redis has taken it keeps.')];
      },
    },
    {
      name: 'worker',
      after: ['redis'],
      look: async () => [workerFinding(await parts.workers(), await parts.taking(), clock.now())],
    },
    {
      name: 'state key',
      after: ['redis'],
      async look() {
        await parts.assertSealedReadable();
        return [ok('What is sealed in Redis can be opened.')];
      },
    },
    { name: 'clock', look: () => compareClocks() },
    {
      name: 'cloudesire',
      async look() {
        const { companyRef } = await cloudesire.customers.me();
        if (companyRef?.kind === 'userCompany') {
          return [
            failed(
              'CMW_AUTH_TOKEN belongs to a customer, who may report no delivery.',
              'Set CMW_AUTH_TOKEN to the permanent token of an account of the vendor.',
            ),
          ];
        }
        for await (const _first of cloudesire.subscriptions.list({ productType: 'CSP' })) break;
        return [ok('CMW_AUTH_TOKEN belongs to a vendor and may list the subscriptions.')];
      },
    },
    {
      name: 'templates',
      after: ['cloudesire'],
      async look() {
        range = await readRange(cloudesire);
        return lookAtTemplates(range);
      },
    },
    {
      name: 'application',
      async look() {
        await tokens.appOnly();
        return [ok('Entra ID gives the application a token.')];
      },
    },
    {
      name: 'partner center',
      after: ['application'],
      async look() {
        for await (const _id of partnerCenter.customers.ids()) {
          customers += 1;
          if (customers > MOST_SANDBOX_CUSTOMERS) break;
        }
        return [ok('The application may list the customers.')];
      },
    },
    {
      name: 'account',
      after: ['partner center'],
      look: async () => [accountFinding(settings.sandboxOrders, customers)],
    },
    { name: 'catalogue', after: ['partner center', 'cloudesire'], look: () => lookAtOffers() },
    { name: 'webhook', after: ['partner center'], look: async () => [await lookAtWebhook()] },
    {
      name: 'user',
      after: ['application'],
      async look() {
        if (!tokens.hasUser) return [{ verdict: 'skipped', says: 'There is no PARTNER_CENTER_REFRESH_TOKEN.' }];
        await tokens.appUser();
        return [ok("The user's consent holds.")];
      },
    },
    {
      name: 'multi-factor authentication',
      after: ['user'],
      asks: 'partner-center',
      async look() {
        const isCompliant = await partnerCenter.account.isMfaCompliant();
        if (isCompliant === undefined)
          return [warning('Partner Center does not say whether the user signed in with it.')];
        if (isCompliant) return [ok('The user has signed in with multi-factor authentication.')];
        return [
          failed(
            'The user has signed in without multi-factor authentication, which Partner Center refuses.',
            SIGN_IN.replace('run', 'Run'),
          ),
        ];
      },
    },
    {
      name: 'admin agent',
      after: ['user'],
      asks: 'partner-center',
      async look() {
        await partnerCenter.customers.relationshipRequest();
        return [ok('The user has the role of an admin agent.')];
      },
    },
    { name: 'billing account', after: ['user'], look: () => lookAtBilling() },
  ];

  async function compareClocks(): Promise<Found[]> {
    const skews = new Map<string, number>();
    if (store) skews.set('Redis', store.now - clock.now());
    const before = clock.now();
    const told = await parts.upstreamTime();
    if (told !== undefined) skews.set('Entra ID', told - (before + clock.now()) / 2);
    if (skews.size === 0) return [{ verdict: 'skipped', says: 'Nobody told the time.' }];
    const off = [...skews].filter(([, skewMs]) => Math.abs(skewMs) > TOLERATED_SKEW_MS);
    if (off.length === 0) return [ok('The clock of this machine is right.')];
    const whose = off.some(([who]) => who === 'Entra ID') ? 'this machine' : 'the machine of Redis';
    return off.map(([who, skewMs]) =>
      failed(
        `This clock is ${Math.round(Math.abs(skewMs) / 1_000)} s ${skewMs > 0 ? 'behind' : 'ahead of'} that of ${who}.`,
        `Let NTP set the clock of ${whose}: else tokens are refused, and pauses and deadlines are wrong.`,
      ),
    );
  }

  async function lookAtTemplates({ templates }: Range): Promise<Found[]> {
    const found: Found[] = [];
    for (const [address, plan] of templates) {
      const problem = await templateHost.fetch(address).then(() => undefined, failure);
      if (problem) found.push({ ...problem, says: `Plan ${plan}: ${problem.says}` });
    }
    if (found.length > 0) return found;
    return [ok(templates.size > 0 ? `All ${templates.size} templates can be fetched.` : 'No plan names a template.')];
  }

  async function lookAtOffers(): Promise<Found[]> {
    const country = await partnerCenter.account.country();
    const offers = [...(range?.offers ?? [])];
    if (country === undefined)
      return [warning("Partner Center does not tell the partner's country: offers were not looked up.")];
    if (offers.length === 0)
      return [warning('No plan that the marketplace shows names an offerId: no licence can be sold.')];
    const found: Found[] = [];
    for (const [offerId, plan] of offers) {
      const { productId, skuId } = productAndSku(offerId);
      const sku = skuId
        ? await partnerCenter.catalog.sku({ productId, skuId, country, segment: 'commercial' })
        : undefined;
      if (sku) continue;
      found.push(
        failed(
          `The catalogue of ${country} does not have ${offerId}, which plan ${plan} sells.`,
          "Correct offerId in the plan's integration metadata: product:sku, as Partner Center's price list names them.",
        ),
      );
    }
    return found.length > 0
      ? found
      : [ok(`The catalogue of ${country} has all ${offers.length} offers that are sold.`)];
  }

  async function lookAtWebhook(): Promise<Found> {
    const { webhookUrl } = settings;
    if (webhookUrl === undefined) {
      return warning('PUBLIC_URL is not set: changes at Microsoft are found by the sweep only.');
    }
    const registered = await partnerCenter.webhooks.registration();
    if (registered?.url === webhookUrl) return ok('Partner Center delivers its events to PUBLIC_URL.');
    if (!registered) {
      return failed(
        'No webhook is registered at Partner Center.',
        'A worker registers it at its start: start one with PUBLIC_URL, and read its log if it is started.',
      );
    }
    return failed(
      `Partner Center delivers its events to ${registered.url}, and a partner has one webhook only.`,
      'Find out whose address that is. If another connector uses this partner, only one of the two may have PUBLIC_URL; else restart a worker.',
    );
  }

  async function lookAtBilling(): Promise<Found[]> {
    try {
      const name = await azure.bootstrap.billingAccount();
      return [ok(`The user sees the billing account ${name}.`)];
    } catch (error) {
      const found = failure(error);
      // Who sells licences only needs none.
      const isNeeded = settings.isBillingAccountSet || range?.sellsAzure;
      return [isNeeded ? found : { ...found, verdict: 'warning' }];
    }
  }
}

/** What the marketplace sells: the first plan that names it, by each template address and each offer. */
interface Range {
  templates: Map<string, number>;
  offers: Map<string, number>;
  sellsAzure: boolean;
}

async function readRange(cloudesire: DoctorParts['cloudesire']): Promise<Range> {
  const range: Range = { templates: new Map(), offers: new Map(), sellsAzure: false };
  for (const { id: productId, cspProductType } of await cloudesire.range.products('CSP')) {
    if (cspProductType !== 'license') range.sellsAzure = true;
    for (const { id: planId } of await cloudesire.range.plans(productId)) {
      if (range.templates.size + range.offers.size >= MOST_OFFERS) return range;
      const { find } = await readSelling(cloudesire, { planId, productId });
      const names = cspProductType === 'license' ? range.offers : range.templates;
      const name = find(cspProductType === 'license' ? 'offerId' : 'template');
      if (name !== undefined && !names.has(name)) names.set(name, planId);
    }
  }
  return range;
}

/** Before the first start there is none. */
function workerFinding(workers: Presence, taking: Taking, nowMs: number): Found {
  const { count, lastSeenAt } = workers;
  if (count > 0) {
    const standstill = standstillOf(workers, taking, nowMs);
    if (standstill !== undefined) return failed(standstill);
    const backlog = noteOnBacklog(taking, nowMs);
    return backlog ? warning(backlog) : ok(count === 1 ? 'A worker takes looks.' : `${count} workers take looks.`);
  }
  const cure = 'Start a process with ROLE worker or all; if one runs, its log says why it takes none.';
  if (lastSeenAt === undefined) return { verdict: 'skipped', says: 'No worker was ever seen.', cure };
  return failed(`No worker takes looks, and none was seen since ${toTheSecond(lastSeenAt)}: nothing goes on.`, cure);
}

function accountFinding(sandboxOrders: 'refuse' | 'allow', customers: number): Found {
  if (sandboxOrders === 'refuse') return ok('Orders of type SANDBOX are refused, whatever account this is.');
  if (customers > MOST_SANDBOX_CUSTOMERS) {
    return failed(
      `SANDBOX_ORDERS is allow, but this is a production account: it has more than the ${MOST_SANDBOX_CUSTOMERS} customers of an integration sandbox. Sandbox orders would be bought for money.`,
      'Set SANDBOX_ORDERS to refuse, or PARTNER_CENTER_TENANT_ID, _CLIENT_ID, _CLIENT_SECRET and _REFRESH_TOKEN to those of the integration sandbox.',
    );
  }
  return {
    ...warning('SANDBOX_ORDERS is allow: in a production account sandbox orders are bought for money.'),
    cure: 'Make sure that PARTNER_CENTER_TENANT_ID is the tenant of the integration sandbox; Partner Center does not tell.',
  };
}

function ok(says: string): Found {
  return { verdict: 'ok', says };
}

function warning(says: string): Found {
  return { verdict: 'warning', says };
}

function failed(says: string, cure?: string): Found {
  return { verdict: 'failed', says, ...(cure !== undefined && { cure }) };
}

/** The messages of errors end with what to do; some say it less well than it can be said of a whole set-up. */
function failure(error: unknown): Found {
  if (error instanceof ConnectorError) return failed(error.message, cureOf(error));
  // What else there is to find out is found out all the same. Its text is nobody's whom we know, and may hold anything.
  const { name, code } = error as Error & { code?: unknown };
  return failed(`This could not be looked at (${[name, code].filter(Boolean).join(', ')}), which should not happen.`);
}

/** The upstream failed, or nothing came back: what it would have said is not known. */
function isOut(error: unknown): error is RetryableError {
  return error instanceof RetryableError && OUTAGE.test(error.code);
}

const OUTAGE = /\.(unavailable|no-answer|unreachable)$/;

/** https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
const ENTRA_CURES: Record<string, string> = {
  AADSTS90002:
    'PARTNER_CENTER_TENANT_ID is the id of no tenant: take that of the partner from Entra ID, or from Partner Center.',
  AADSTS900023: 'PARTNER_CENTER_TENANT_ID is neither the id nor the domain of a tenant.',
  AADSTS700016:
    'The tenant PARTNER_CENTER_TENANT_ID has no application PARTNER_CENTER_CLIENT_ID: one of the two belongs to another tenant.',
  AADSTS7000229:
    'The tenant PARTNER_CENTER_TENANT_ID has no application PARTNER_CENTER_CLIENT_ID: one of the two belongs to another tenant, or consent is missing.',
  AADSTS7000215:
    'PARTNER_CENTER_CLIENT_SECRET is not the secret of the application: set its value, which is shown once, and not its id.',
  AADSTS7000222: 'PARTNER_CENTER_CLIENT_SECRET has expired: create another one in Entra ID, and set that.',
};

function cureOf({ code, facts, message }: ConnectorError): string | undefined {
  const entra = ENTRA_CURES[facts.upstreamCode ?? ''];
  if (code === 'entra.app-refused' && entra !== undefined) return entra;
  if (code.endsWith('.unreachable') && facts.upstream !== undefined) {
    const setting = ADDRESSES[facts.upstream];
    return setting && `Check ${setting}, name resolution, firewall and, for a private authority, NODE_EXTRA_CA_CERTS.`;
  }
  if (OUTAGE.test(code) && facts.upstream !== undefined) {
    return `Look whether the status page of ${facts.upstream} reports an outage, and at network, firewall and proxy on the way there. Until it answers, what needs it waits and is not lost.`;
  }
  if (facts.upstream === 'cloudesire' && (facts.status === 404 || code === 'cloudesire.malformed')) {
    return 'CMW_BASE_URL is not the address of the API: it has a path, as in https://…/api.';
  }
  if (facts.upstream === 'partner-center' && facts.status === 403 && !message.includes('admin agent')) {
    return 'Give the application, in Partner Center under app management, and its user the role of an admin agent.';
  }
  return undefined;
}

const ADDRESSES: Record<string, string> = {
  cloudesire: 'CMW_BASE_URL',
  'partner-center': 'PARTNER_CENTER_BASE_URL',
  entra: 'ENTRA_AUTHORITY_URL',
  arm: 'AZURE_ARM_URL',
};
