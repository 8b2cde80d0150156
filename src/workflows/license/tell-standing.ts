import type { Report } from '../../report/report.ts';
import type { Look } from '../look.ts';
import { isSameItem } from '../term-item.ts';

/** Tells the customer of a licence in service what is on order for its next term, if anything, and the way in. */
export function tellStanding(
  { subscription, fulfillment }: Pick<Look, 'subscription' | 'fulfillment'>,
  report: Pick<Report, 'licenseInstructions' | 'nextTerm'>,
): Promise<void> {
  const { scheduled, trial, offerId, term, billingCycle, commitmentEndDate: until } = fulfillment();
  if (!scheduled) return report.licenseInstructions(subscription.id, 'existing-tenant');
  const staysSame = isSameItem({ offerId, term, billingCycle }, scheduled);
  const change = trial ? 'afterTrial' : staysSame ? 'seats' : 'plan';
  return report.nextTerm(subscription.id, change, { seats: scheduled.seats, until });
}
