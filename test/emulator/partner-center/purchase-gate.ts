import { hasAcceptedAgreement } from './agreements.ts';
import type { Customer, Line, State } from './model.ts';
import { resellerOf, SANDBOX_SUBSCRIPTIONS } from './purchase-lines.ts';
import { refusal } from './refusals.ts';
import type { Switches } from './switches.ts';

/**
 * Refuses a purchase for a customer who may not buy now.
 *
 * @throws {Refusal} 403 13605 without the Customer Agreement, 800073 and 800075 for the vetting, 900416 when locked; 400
 *   900116 at the limit of the sandbox
 * @see https://learn.microsoft.com/partner-center/developer/retrieve-validation-status
 */
export function refuseBlockedPurchase(
  customer: Customer,
  { state, switches }: { state: State; switches: Switches },
): void {
  if (!hasAcceptedAgreement(customer)) throw refusal(403, 13605);
  switch (customer.vetting?.status) {
    case 'UnderReview':
    case 'Unknown':
      throw refusal(403, 800073);
    case 'NotAllowed':
      throw refusal(403, 800075);
    default:
  }
  if (customer.locked) throw refusal(403, 900416);
  const subscriptions = [...state.subscriptions.values()].filter(
    ({ customerId, status }) => customerId === customer.id && status !== 'deleted',
  );
  if (switches.environment === 'sandbox' && subscriptions.length >= SANDBOX_SUBSCRIPTIONS) throw refusal(400, 900116);
}

/**
 * Refuses lines that name a reseller who has not signed the Microsoft Partner Agreement.
 *
 * @throws {Refusal} 403 900123
 * @see https://learn.microsoft.com/partner-center/developer/verify-indirect-reseller-mpa-status
 */
export function refuseUnsignedReseller(lines: Line[], { state }: { state: State }): void {
  const named = lines.map(resellerOf);
  const unsigned = state.resellers.some(
    ({ partnerId, agreementSigned }) => !agreementSigned && named.includes(partnerId),
  );
  if (unsigned) throw refusal(403, 900123);
}
