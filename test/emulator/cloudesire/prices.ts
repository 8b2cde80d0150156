import type { Plan } from './model.ts';

export const CURRENCY = 'EUR';
export const VAT_PERCENT = 22;

export function money(amount: number): number {
  return Math.round((amount + Number.EPSILON) * 100) / 100;
}

export function withVat(price: number): number {
  return money(price * (1 + VAT_PERCENT / 100));
}

/** What a plan with so many units of its extra resource costs per billing period, without VAT. */
export function periodPrice(plan: Plan, units: number): number {
  const range = plan.billingItemValues.find(({ start, end }) => units >= start && (end === undefined || units <= end));
  return money(plan.price + (range === undefined ? 0 : range.price * units));
}

/** The same per month, to compare plans of different periods. */
export function monthlyPrice(plan: Plan, units: number): number {
  return periodPrice(plan, units) / Math.max(plan.billingPeriod, 1);
}
