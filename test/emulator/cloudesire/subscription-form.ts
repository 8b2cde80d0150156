import type { Ledger } from './ledger.ts';
import { idOf, type Order, type Plan, refTo, type Subscription, type User } from './model.ts';
import { billingItemOf, parametersOf, pick, type State } from './state.ts';
import type { Switches } from './switches.ts';
import { writeQuantity } from './wire-form.ts';

/** Who reads, in which language, and in the shape of which API version. */
export interface Reader {
  user: User;
  apiVersion: number;
  language?: string;
}

export type SubscriptionForms = ReturnType<typeof createSubscriptionForms>;

const LIST_OF_BILLING_ITEMS_SINCE = 20180504;
const PERIOD_START_SINCE = 20201202;
const PERIOD_END_SINCE = 20220211;
const LIST_OF_PARAMETERS_SINCE = 20220427;

/**
 * Returns the forms in which a subscription is sent: detail, list element and the smaller ones of the `Prefer` header.
 * Which fields are maps and which are lists depends on the API version of the call.
 *
 * @see https://docs.cloudesire.com/docs/api.html
 */
export function createSubscriptionForms(parts: { state: State; switches: Switches; ledger: Ledger }) {
  const { state, switches, ledger } = parts;

  function shapeFor(apiVersion: number): 'oldest' | 'middle' | 'newest' {
    if (switches.subscriptionShape !== 'by-version') return switches.subscriptionShape;
    if (apiVersion >= LIST_OF_PARAMETERS_SINCE) return 'newest';
    return apiVersion >= LIST_OF_BILLING_ITEMS_SINCE ? 'middle' : 'oldest';
  }

  function planOf(subscription: Subscription): Plan {
    return pick(state.plans, 'ProductVersion', subscription.plan);
  }

  function detail(subscription: Subscription, reader: Reader): Record<string, unknown> {
    const shape = shapeFor(reader.apiVersion);
    const form = common(subscription, reader);
    if (shape === 'oldest') return { ...form, ...oldestFields(subscription, reader.user) };
    return {
      ...form,
      billingItems: billingItemsOf(subscription),
      availableOperations: operationsOn(subscription),
      credentials: credentialsFor(subscription, reader),
      possibleUpgrades: possibleUpgrades(subscription),
      billingItemValues: subscription.type === 'NORMAL' ? planOf(subscription).billingItemValues : [],
      oneshotCosts: subscription.oneshotCosts,
      recurringCosts: subscription.recurringCosts,
      configurationParameters:
        shape === 'newest' ? parameterList(subscription, reader.user) : parameterMap(subscription, reader.user),
    };
  }

  /** An element of the list: less than the detail, and in the newest shape without the configuration parameters. */
  function listElement(subscription: Subscription, reader: Reader): Record<string, unknown> {
    const shape = shapeFor(reader.apiVersion);
    const form = common(subscription, reader);
    if (shape === 'oldest') return { ...form, ...oldestFields(subscription, reader.user) };
    return {
      ...form,
      billingItems: billingItemsOf(subscription),
      availableOperations: operationsOn(subscription),
      ...(shape === 'middle' ? { configurationParameters: parameterMap(subscription, reader.user) } : {}),
    };
  }

  function minimal({ id, name }: Subscription): Record<string, unknown> {
    return { id, name, self: `subscription/${id}` };
  }

  function priced(subscription: Subscription): Record<string, unknown> {
    const total = ledger.invoicesOf(subscription).reduce((sum, { price }) => sum + price, 0);
    return { ...minimal(subscription), cost: { price: total, currency: 'EUR' } };
  }

  /** What a deployer needs, without the status. */
  function deployment(subscription: Subscription, reader: Reader): Record<string, unknown> {
    return {
      id: subscription.id,
      self: `subscription/${subscription.id}`,
      type: subscription.type,
      productVersion: refTo('productVersion', subscription.plan),
      billingItems: billingItemsOf(subscription),
      configurationParameters: parameterList(subscription, reader.user),
      buyer: refTo('user', subscription.buyer),
    };
  }

  function common(subscription: Subscription, reader: Reader): Record<string, unknown> {
    const { id } = subscription;
    const { apiVersion } = reader;
    const product = pick(state.products, 'Product', subscription.product);
    const reseller = [...state.resellers.values()].find(({ slug }) => slug === subscription.resellerSlug);
    const { unpaidSpelling } = switches;
    return {
      id,
      name: subscription.name,
      self: `subscription/${id}`,
      deploymentStatus:
        subscription.deploymentStatus === 'WAITING_PAYMENT' ? unpaidSpelling : subscription.deploymentStatus,
      virtualMachineInstance: [],
      deploymentStatusStory: [],
      deploymentLog: deploymentLog(subscription),
      orders: subscription.orders.map((order) => refTo('order', order)),
      invoices: subscription.invoices.map((invoice) => refTo('invoice', invoice)),
      billingPeriod: planOf(subscription).billingPeriod,
      type: subscription.type,
      product: refTo('product', subscription.product),
      company: product.company,
      buyer: refTo('user', subscription.buyer),
      createdAt: date(subscription.createdAt),
      updatedAt: date(subscription.updatedAt),
      autoRenew: subscription.autoRenew,
      endpoints: subscription.endpoints,
      productVersion: refTo('productVersion', subscription.plan),
      paid: ledger.isPaid(subscription),
      metadata: { url: `subscription/${id}/metadata` },
      [apiVersion >= PERIOD_START_SINCE ? 'billingPeriodStart' : 'lastInvoice']: date(
        subscription.billingPeriodStartAt,
      ),
      [apiVersion >= PERIOD_END_SINCE ? 'billingPeriodEnd' : 'nextInvoice']: date(subscription.billingPeriodEndAt),
      startDate: date(subscription.startAt),
      endDate: date(subscription.endAt),
      endUserInstructions: localized(subscription.instructions, subscription, reader),
      resellerSlug: subscription.resellerSlug,
      resellerCatalog: reseller?.defaultCatalog,
    };
  }

  function oldestFields(subscription: Subscription, user: User): Record<string, unknown> {
    const item = billingItemOf(state, planOf(subscription));
    return {
      billingItems:
        item === undefined || subscription.licenses === undefined
          ? {}
          : { [item.self]: writeQuantity(subscription.licenses, switches.quantityForm) },
      configurationParameters: parameterMap(subscription, user),
      syndicatedEndpoints: subscription.endpoints
        .filter(({ category }) => category === 'APP')
        .map(({ endpoint }) => endpoint),
    };
  }

  function billingItemsOf(subscription: Subscription): unknown[] {
    const item = billingItemOf(state, planOf(subscription));
    if (item === undefined || subscription.licenses === undefined) return [];
    return [quantityOf(item, subscription.licenses)];
  }

  function quantityOf(item: { self: string; identifier: string; unit?: string }, value: number): unknown {
    return {
      billingItem: { url: item.self },
      identifier: item.identifier,
      unit: item.unit,
      value: writeQuantity(value, switches.quantityForm),
      bought: true,
      unlimited: false,
    };
  }

  /** The extra resources of an order, in the form that subscriptions have too. */
  function billingItemsOfOrder(order: Order): unknown[] {
    const item = billingItemOf(state, pick(state.plans, 'ProductVersion', order.plan));
    return item === undefined || order.licenses === undefined ? [] : [quantityOf(item, order.licenses)];
  }

  function visibleParameters(subscription: Subscription, user: User) {
    const mayReadSensitive = switches.sensitiveParameters === 'readable' || user.id === subscription.buyer;
    return parametersOf(state, planOf(subscription)).flatMap((parameter) => {
      const value = subscription.parameters[parameter.code];
      const isHidden = parameter.sensitive === true && !mayReadSensitive;
      return value === undefined || isHidden ? [] : [{ parameter, value }];
    });
  }

  function parameterList(subscription: Subscription, user: User): unknown[] {
    return visibleParameters(subscription, user).map(({ parameter, value }) => ({
      configurationParameter: { url: parameter.self },
      code: parameter.code,
      value,
      description: parameter.acceptedValues?.[value],
    }));
  }

  function parameterMap(subscription: Subscription, user: User): Record<string, string> {
    return Object.fromEntries(
      visibleParameters(subscription, user).map(({ parameter, value }) => [parameter.self, value]),
    );
  }

  /** Values only for the buyer; a vendor never reads back what was written. */
  function credentialsFor(subscription: Subscription, reader: Reader): unknown[] {
    const isBuyer = reader.user.id === subscription.buyer;
    const shown = [...subscription.credentials].sort((a, b) => a.weight - b.weight);
    return shown.map(({ key, value, weight, description }) => ({
      key,
      value: isBuyer ? value : undefined,
      weight,
      description: localized(description ?? {}, subscription, reader),
    }));
  }

  function possibleUpgrades(subscription: Subscription): unknown[] {
    const hasRun = subscription.startAt !== undefined && subscription.type === 'NORMAL';
    if (!hasRun || planOf(subscription).upgradable === false) return [];
    return [...state.plans.values()]
      .filter((plan) => idOf(plan.product) === subscription.product && plan.id !== subscription.plan)
      .map(({ id }) => refTo('productVersion', id));
  }

  /** The asked language, else the buyer's, else English, else any. */
  function localized(texts: Record<string, string>, { buyer }: Subscription, { language }: Reader): string | undefined {
    const own = state.users.get(buyer)?.language;
    return texts[language ?? ''] ?? texts[own ?? ''] ?? texts.en ?? Object.values(texts)[0];
  }

  return { detail, listElement, minimal, priced, deployment, billingItemsOfOrder };
}

function deploymentLog({ deploymentLog: log }: Subscription): unknown[] {
  return log.map(({ id, at, status }) => ({
    id,
    self: `deploymentStatus/${id}`,
    statusMessage: status,
    date: new Date(at),
    ...(status === 'FAILED'
      ? { descriptiveMessage: 'Provisioning failed', error: 'Provisioning failed', temporaryFailure: false }
      : { progressPercentage: 100 }),
  }));
}

function operationsOn({ id, deploymentStatus, type }: Subscription): unknown[] {
  if (type !== 'NORMAL' || (deploymentStatus !== 'DEPLOYED' && deploymentStatus !== 'STOPPED')) return [];
  const operations = {
    'billing item upgrade': 'BILLING_ITEM_UPGRADE',
    upgrade: 'SYNDICATED_UPGRADE',
    terminate: 'KILL',
  };
  return Object.entries(operations).map(([label, action]) => ({
    url: `subscription/${id}`,
    method: 'PATCH',
    resourceType: 'Subscription',
    label,
    actions: [action],
  }));
}

function date(at: number | undefined): Date | undefined {
  return at === undefined ? undefined : new Date(at);
}
