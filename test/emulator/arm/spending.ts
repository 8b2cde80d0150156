import type { Clock } from '../core/clock.ts';
import { type Api, objectIn } from './api.ts';
import type { Books } from './books.ts';
import type { Costs, ResourceCost } from './costs.ts';
import { isWithin, keyOf } from './ids.ts';
import type { Budget, State } from './model.ts';
import { invalidContent, refuse } from './refusals.ts';

export interface SpendingParts {
  api: Api;
  clock: Clock;
  state: State;
  books: Books;
  costs: Costs;
}

const MACHINE_COST_PER_HOUR = 0.21;
const BUDGETS = '*scope/providers/Microsoft.Consumption/budgets';

const rule = (namespace: string, action: string) => ({
  namespace,
  action: `${namespace}/${action}`,
  scope: ({ scope }: Record<string, string>) => scope!,
});

/**
 * Budgets, which only notify, and the costs behind them: in all, or by group, type or resource.
 *
 * @see https://learn.microsoft.com/rest/api/consumption/budgets/create-or-update
 * @see https://learn.microsoft.com/rest/api/cost-management/query/usage
 */
export function defineSpending({ api, clock, state, books, costs }: SpendingParts): void {
  function costsIn(scope: string, fromMs: number, toMs = clock.now()): ResourceCost[] {
    const subscriptionId = keyOf(scope.split('/')[2] ?? '');
    return costs
      .since(subscriptionId, { fromMs, toMs, machineCostPerHour: MACHINE_COST_PER_HOUR })
      .filter(({ uri }) => isWithin(uri, scope));
  }

  api.define('PUT', `${BUDGETS}/:name`, rule('Microsoft.Consumption', 'budgets/write'), ({ params, fields, cause }) => {
    const properties = objectIn(fields(), 'properties');
    checkBudget(properties);
    const { scope, name } = params as { scope: string; name: string };
    const id = `${scope}/providers/Microsoft.Consumption/budgets/${name}`;
    const known = state.budgets.get(keyOf(id));
    const budget: Budget = { id, name, scope, properties, version: (known?.version ?? 0) + 1 };
    state.budgets.set(keyOf(id), budget);
    books.write('budget set', cause, { budget: id, amount: properties.amount });
    return { status: known === undefined ? 201 : 200, body: view(budget) };
  });

  api.define('GET', `${BUDGETS}/:name`, rule('Microsoft.Consumption', 'budgets/read'), ({ params }) => {
    const budget = state.budgets.get(keyOf(`${params.scope}/providers/Microsoft.Consumption/budgets/${params.name}`));
    if (budget === undefined) throw refuse(404, 'ResourceNotFound', `The budget '${params.name}' was not found.`);
    return { status: 200, body: view(budget) };
  });

  api.define('GET', BUDGETS, rule('Microsoft.Consumption', 'budgets/read'), ({ params }) => {
    const value = [...state.budgets.values()].filter(({ scope }) => keyOf(scope) === keyOf(params.scope!));
    return { status: 200, body: { value: value.map(view) } };
  });

  api.define('DELETE', `${BUDGETS}/:name`, rule('Microsoft.Consumption', 'budgets/delete'), ({ params, cause }) => {
    const key = keyOf(`${params.scope}/providers/Microsoft.Consumption/budgets/${params.name}`);
    const budget = state.budgets.get(key);
    if (budget === undefined) return { status: 204 };
    state.budgets.delete(key);
    books.write('budget deleted', cause, { budget: budget.id });
    return { status: 200 };
  });

  const query = '*scope/providers/Microsoft.CostManagement/query';
  api.define('POST', query, rule('Microsoft.CostManagement', 'query/read'), ({ params, fields }) => {
    const wish = fields();
    const { from, to } = readPeriod(wish, clock.now());
    const { grouping } = objectIn(wish, 'dataset');
    const dimensions = Array.isArray(grouping) ? grouping.map(({ name }: { name: string }) => String(name)) : [];
    const totals = new Map<string, number>();
    for (const cost of costsIn(params.scope!, from, to)) {
      const key = JSON.stringify(dimensions.map((name) => dimensionOf(cost, name)));
      totals.set(key, (totals.get(key) ?? 0) + cost.cost);
    }
    if (dimensions.length === 0 && totals.size === 0) totals.set('[]', 0);
    const text = (name: string) => ({ name, type: 'String' });
    return {
      status: 200,
      body: {
        id: `${params.scope}/providers/Microsoft.CostManagement/query/emulated`,
        name: 'emulated',
        type: 'Microsoft.CostManagement/query',
        properties: {
          nextLink: null,
          columns: [{ name: 'Cost', type: 'Number' }, ...dimensions.map(text), text('Currency')],
          rows: [...totals].map(([key, cost]) => [Math.round(cost * 100) / 100, ...JSON.parse(key), 'EUR']),
        },
      },
    };
  });

  function view({ id, name, scope, properties, version }: Budget): object {
    const amount = costsIn(scope, startOfMonth(clock.now())).reduce((sum, { cost }) => sum + cost, 0);
    return {
      id,
      name,
      type: 'Microsoft.Consumption/budgets',
      eTag: `"${version.toString(16).padStart(6, '0')}"`,
      properties: { ...properties, currentSpend: { amount: Math.round(amount * 100) / 100, unit: 'EUR' } },
    };
  }
}

function checkBudget({ amount, timeGrain, timePeriod, category }: Record<string, unknown>): void {
  if (category !== 'Cost') throw invalidContent("Required property 'category' must be 'Cost'.");
  if (typeof amount !== 'number' || amount <= 0) throw invalidContent("Required property 'amount' must be above 0.");
  if (typeof timeGrain !== 'string') throw invalidContent("Required property 'timeGrain' not found in JSON.");
  const start = new Date(String((timePeriod as { startDate?: unknown } | undefined)?.startDate));
  if (Number.isNaN(start.getTime()) || start.getUTCDate() !== 1) {
    throw refuse(400, 'InvalidTimePeriod', 'The start date of a budget must be the first day of a month.');
  }
}

function dimensionOf(cost: ResourceCost, name: string): string {
  switch (name.toLowerCase()) {
    case 'resourcegroup':
    case 'resourcegroupname':
      return cost.resourceGroup.toLowerCase();
    case 'resourcetype':
      return cost.type.toLowerCase();
    case 'resourceid':
      return cost.uri.toLowerCase();
    default:
      throw refuse(400, 'BadRequest', `Invalid query definition: Invalid dimension '${name}'.`);
  }
}

function readPeriod(wish: Record<string, unknown>, nowMs: number): { from: number; to: number } {
  if (wish.timeframe === 'MonthToDate') return { from: startOfMonth(nowMs), to: nowMs };
  if (wish.timeframe === 'Custom') {
    const { from, to } = objectIn(wish, 'timePeriod');
    const [start, end] = [Date.parse(String(from)), Date.parse(String(to))];
    if (!Number.isNaN(start) && !Number.isNaN(end)) return { from: start, to: Math.min(end, nowMs) };
  }
  throw refuse(
    400,
    'BadRequest',
    `Invalid query definition: the time frame '${String(wish.timeframe)}' is not supported.`,
  );
}

function startOfMonth(nowMs: number): number {
  const now = new Date(nowMs);
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1);
}
