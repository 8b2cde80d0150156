import type { Clock } from '../core/clock.ts';
import type { Reply } from '../core/server.ts';
import type { Api } from './api.ts';
import type { AzureLink, ResourceCost } from './azure.ts';
import type { Books } from './books.ts';
import { DAY_MS, HOUR_MS, printInstant, startOfDay } from './calendar.ts';
import { findCustomer } from './customers.ts';
import type { Customer, Entitlement, State, Subscription } from './model.ts';
import { invalidInput } from './refusals.ts';
import { collection, linkTo, ok } from './replies.ts';
import type { Schedule } from './schedule.ts';
import { findSubscription } from './subscription-operations.ts';
import type { Webhooks } from './webhooks.ts';

const STORAGE_COST_PER_HOUR = 0.01;
const DOLLARS_PER_EURO = 1.08;

export interface UsageParts {
  api: Api;
  clock: Clock;
  state: State;
  books: Books;
  schedule: Schedule;
  webhooks: Pick<Webhooks, 'announce'>;
  partnerTenantId: string;
  azureLink?: AzureLink | undefined;
}

export interface Usage {
  /** Begins to look every midnight for customers over their budget. */
  watchBudgets(): void;
}

const METERS = {
  machine: ['DZH318Z0XK11-005J-Compute Hours', 'Compute Hours', 'Virtual Machines', '1 Hour'],
  storage: ['DZH318Z0XK11-006K-Data Stored (GB)', 'Data Stored', 'Storage', '1 GB'],
  other: ['DZH318Z0XK11-007L-Service Hours', 'Service Hours', 'Services', '1 Hour'],
} as const;

/**
 * Estimated costs of the current month, which grow with virtual time. With Azure Resource Manager beside it they are
 * those of the resources deployed there; alone, each active Azure subscription runs one virtual machine and one storage
 * account. Summaries, resources and meters add up to the same amount.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-usage-summary
 * @see https://learn.microsoft.com/partner-center/developer/update-a-customer-s-usage-spending-budget
 */
export function defineUsage(parts: UsageParts): Usage {
  const { api, clock, state, books, schedule, webhooks, azureLink } = parts;

  for (const method of ['GET', 'PATCH']) {
    api.define('any', method, '/v1/customers/:customerId/usagebudget', (request) => {
      const customer = findCustomer(request, parts);
      if (method === 'PATCH') {
        const { amount } = request.fields();
        if (amount !== null && (typeof amount !== 'number' || amount < 0)) {
          throw invalidInput('The field Amount must be a number of at least 0, or null.');
        }
        if (amount === null) delete customer.budget;
        else customer.budget = amount;
        books.write('budget changed', request.cause, { customerId: customer.id, amount });
      }
      const budget = customer.budget ?? null;
      return ok({ amount: budget, usageSpendingBudget: budget, attributes: { objectType: 'SpendingBudget' } });
    });
  }

  api.define('user', 'GET', '/v1/customers/:customerId/usagesummary', (request) => {
    const customer = findCustomer(request, parts);
    return ok({
      budget: viewBudget(customer),
      resourceId: customer.id,
      resourceName: customer.companyName,
      ...period(),
      ...amounts(costsOf((entitlement) => entitlement.customerId === customer.id)),
      attributes: { objectType: 'CustomerUsageSummary' },
    });
  });

  api.define('user', 'GET', '/v1/customers/:customerId/subscriptions/:subscriptionId/usagesummary', (request) => {
    const plan = findSubscription(request, findCustomer(request, parts), parts);
    return ok({
      resourceId: plan.id,
      resourceName: plan.friendlyName,
      ...period(),
      ...amounts(costsOfPlan(plan)),
      links: { self: linkTo(`/customers/${plan.customerId}/subscriptions/${plan.id}/usagesummary`) },
      attributes: { objectType: 'SubscriptionUsageSummary' },
    });
  });

  api.define('user', 'GET', '/v1/customers/:customerId/subscriptions/usagerecords', (request) => {
    const customer = findCustomer(request, parts);
    const plans = [...state.subscriptions.values()].filter(
      ({ customerId, kind }) => customerId === customer.id && kind === 'plan',
    );
    const items = plans.map((plan) => ({
      status: plan.status,
      partnerOnRecord: plan.partnerId,
      offerId: plan.catalogItemId,
      resourceId: plan.id,
      id: plan.id,
      resourceName: plan.friendlyName,
      name: plan.friendlyName,
      ...amounts(costsOfPlan(plan)),
      attributes: { objectType: 'SubscriptionMonthlyUsageRecord' },
    }));
    return collection(items, `/customers/${customer.id}/subscriptions/usagerecords`);
  });

  definePerPlan('resourceusagerecords', (plan) => costsOfPlan(plan).map((cost) => viewResource(cost, plan)));
  definePerPlan('meterusagerecords', (plan) => viewMeters(costsOfPlan(plan), plan));

  api.define('user', 'GET', '/v1/customers/usagerecords', () => {
    const customers = [...state.customers.values()].filter((customer) => customer.related && hasPlan(customer));
    return collection(customers.map(viewCustomerRecord), '/customers/usagerecords');
  });

  api.define('user', 'GET', '/v1/usagesummary', () =>
    ok({
      resourceId: parts.partnerTenantId,
      ...period(),
      ...amounts([]),
      attributes: { objectType: 'PartnerUsageSummary' },
    }),
  );

  function definePerPlan(name: string, list: (plan: Subscription) => object[]): void {
    const path = `/v1/customers/:customerId/subscriptions/:subscriptionId/${name}`;
    api.define('user', 'GET', path, (request): Reply => {
      const plan = findSubscription(request, findCustomer(request, parts), parts);
      return collection(list(plan), `/customers/${plan.customerId}/subscriptions/${plan.id}/${name}`);
    });
  }

  function costsOf(isWanted: (entitlement: Entitlement) => boolean): ResourceCost[] {
    return [...state.entitlements.values()].filter(isWanted).flatMap((entitlement) => {
      if (azureLink === undefined) return sampleCosts(entitlement, clock.now());
      const { id, machineCostPerHour } = entitlement;
      return azureLink.costs(id, { fromMs: startOfMonth(clock.now()), machineCostPerHour });
    });
  }

  function costsOfPlan(plan: Subscription): ResourceCost[] {
    return costsOf(({ planId }) => planId === plan.id);
  }

  function amounts(costs: ResourceCost[]): Record<string, unknown> {
    const totalCost = sum(costs);
    return {
      totalCost,
      currencyCode: 'EUR',
      usdTotalCost: Math.round(totalCost * DOLLARS_PER_EURO * 100) / 100,
      lastModifiedDate: printInstant(clock.now()).replace('Z', '+00:00'),
    };
  }

  function period(): object {
    const now = new Date(clock.now());
    const month = (offset: number): string =>
      new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1)).toISOString().replace('.000Z', '+00:00');
    return { billingStartDate: month(0), billingEndDate: month(1) };
  }

  function viewResource(cost: ResourceCost, plan: Subscription): object {
    const { entitlementId, uri, type, resourceGroup, name } = cost;
    return {
      subscriptionId: plan.id,
      resourceUri: uri,
      resourceType: type.split('/')[0],
      entitlementId,
      entitlementName: state.entitlements.get(entitlementId)?.friendlyName ?? '',
      resourceGroupName: resourceGroup,
      name,
      resourceName: name,
      ...amounts([cost]),
      attributes: { objectType: 'ResourceUsageRecord' },
    };
  }

  function viewMeters(costs: ResourceCost[], plan: Subscription): object[] {
    return (['machine', 'storage', 'other'] as const).flatMap((meter) => {
      const ofMeter = costs.filter((cost) => cost.meter === meter);
      if (ofMeter.length === 0) return [];
      const hours = ofMeter.reduce((total, cost) => total + cost.hours, 0);
      const [meterId, meterName, category, unit] = METERS[meter];
      return {
        subscriptionId: plan.id,
        meterId,
        meterName,
        category,
        subcategory: category,
        quantityUsed: Math.round(hours * 100) / 100,
        unit,
        ...amounts(ofMeter),
        attributes: { objectType: 'MeterUsageRecord' },
      };
    });
  }

  function viewCustomerRecord(customer: Customer): object {
    const costs = amounts(costsOf((entitlement) => entitlement.customerId === customer.id));
    return {
      budget: viewBudget(customer),
      percentUsed: percentUsed(customer),
      isUpgraded: true,
      resourceId: customer.id,
      id: customer.id,
      resourceName: customer.companyName,
      name: customer.companyName,
      ...costs,
      attributes: { objectType: 'CustomerMonthlyUsageRecord' },
    };
  }

  function percentUsed(customer: Customer): number {
    const { budget } = customer;
    if (budget === undefined || budget === 0) return 0;
    const used = sum(costsOf((entitlement) => entitlement.customerId === customer.id));
    return Math.round((used / budget) * 10_000) / 100;
  }

  function hasPlan({ id }: Customer): boolean {
    return [...state.subscriptions.values()].some(({ customerId, kind }) => customerId === id && kind === 'plan');
  }

  function watchBudgets(): void {
    schedule.at(startOfDay(clock.now()) + DAY_MS, () => {
      const isOver = [...state.customers.values()].some((customer) => percentUsed(customer) > 100);
      if (isOver) {
        webhooks.announce('usagerecords-thresholdExceeded', {
          path: '/v1/customers/usagerecords',
          resource: 'usagerecords',
        });
      }
      watchBudgets();
    });
  }

  return { watchBudgets };
}

function viewBudget({ budget }: Customer): object {
  return { amount: budget ?? null, attributes: { objectType: 'SpendingBudget' } };
}

function sum(costs: ResourceCost[]): number {
  return Math.round(costs.reduce((total, { cost }) => total + cost, 0) * 100) / 100;
}

function sampleCosts(entitlement: Entitlement, nowMs: number): ResourceCost[] {
  const hours = hoursThisMonth(entitlement, nowMs);
  const sample = (meter: 'machine' | 'storage', type: string, name: string, perHour: number): ResourceCost => ({
    entitlementId: entitlement.id,
    uri: `/subscriptions/${entitlement.id}/resourceGroups/SAMPLE/providers/${type}/${name}`,
    type,
    resourceGroup: 'SAMPLE',
    name,
    meter,
    hours,
    cost: Math.round(hours * perHour * 100) / 100,
  });
  return [
    sample('machine', 'Microsoft.Compute/virtualMachines', 'vm-sample-1', entitlement.machineCostPerHour),
    sample('storage', 'Microsoft.Storage/storageAccounts', 'samplestore', STORAGE_COST_PER_HOUR),
  ];
}

function startOfMonth(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
}

function hoursThisMonth({ periods }: Entitlement, nowMs: number): number {
  const activeMs = periods.reduce(
    (total, { from, to = nowMs }) => total + Math.max(0, to - Math.max(from, startOfMonth(nowMs))),
    0,
  );
  return activeMs / HOUR_MS;
}
