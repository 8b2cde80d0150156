import type { Reply } from '../core/server.ts';

/** A request that Partner Center answers with an error, thrown from wherever the reason becomes clear. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: unknown;

  constructor(status: number, body: unknown, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
    this.body = body;
  }

  toReply(): Reply {
    return { status: this.status, body: this.body };
  }
}

/** Texts of the codes, where one does for all occasions. */
const DESCRIPTIONS: Record<number, string> = {
  400: 'Access denied',
  1000: 'Not found',
  2001: "Subscription quantity can't be increased or decreased while subscription is being suspended",
  2002: "Subscription quantity isn't within minimum and maximum allowed quantity",
  2006: 'The customer is not eligible for this offer.',
  2055: 'Etag is no longer valid',
  3000: 'Invalid partner ID.',
  13605:
    'Either a partner confirmation of the customer acceptance of the Microsoft Customer Agreement must be provided or ' +
    'the customer must accept the Microsoft Customer Agreement in the Microsoft Admin Center before you can complete ' +
    'this purchase',
  20000: 'Order ID not found',
  60003: 'Tenant not found',
  400013: 'The parent product was not found.',
  400018: 'The parent SKU was not found.',
  400019: 'Availability not found',
  400030: 'Access to the requested targetSegment is not allowed.',
  400036: 'Access to the requested targetView is not allowed.',
  600002: 'Organization registration ID is not supported for this country',
  600006: 'The requested action is not allowed',
  600049: 'Organization registration ID information is missing',
  600051: 'Customer phone number is missing',
  800008: 'Cart not found',
  800015: 'The partner ID was not found.',
  800016: 'The partner ID does not belong to an indirect reseller of this provider.',
  800018: 'The limit of the integration sandbox has been reached.',
  800019:
    "Non-Sandbox tenants aren't allowed to cancel purchases other than software subscriptions and perpetual software",
  800023:
    "You aren't eligible for this transaction because your Credit Line isn't reaching minimum threshold for this " +
    'purchase.',
  800060: 'Your order is in progress. Check your order history for recent orders in few minutes',
  800061: "Order can't be canceled",
  800067: 'The desired seat count exceeded the maximum seat count allowed per subscription',
  800069: 'Order failed Risk Management check',
  800073: 'Your customer account is currently under review. Check back in few days.',
  800075: "Your Customer account wasn't approved. Transactions for this customer aren't allowed.",
  800086: 'The customer does not have the tag that this item requires.',
  800090: 'Subscription quantity cannot be decreased.',
  800091: "Can't update a subscription with suspended status",
  800093: 'This subscription is not eligible for auto-renew.',
  800095: "Can't update the seat quantity for this subscription",
  800096: "Can't update the status for this subscription",
  800097: "Can't update the billing cycle for this subscription",
  800098: "Can't update the partner on record for this subscription",
  800107: 'The term of a trial subscription cannot be changed.',
  800122: 'The term of a subscription cannot be shortened.',
  900115:
    "Azure plan can't be moved to suspended state since you have one or more Azure Subscriptions in the active state",
  900116: 'The limit of the integration sandbox has been reached.',
  900117: 'You have passed your 7-day cancellation window. We are unable to cancel your purchase',
  900121: 'Unable to process order due to insufficient credit limit',
  900123: "Microsoft Partner Agreement hasn't been accepted by the indirect reseller",
  900169: 'The currency is not allowed for this purchase.',
  900206: 'Partner Attestation is missing',
  900213: 'You have passed your 168-hour cancellation window. We are unable to cancel your purchase',
  900214: 'You have passed your 168-hour window for reducing seats for this subscription.',
  900236: 'The target of the transition is not valid for this subscription.',
  900242: 'The custom term end date is not allowed.',
  900246:
    'The custom term end date specified on the scheduled next term instructions does not match with the end date of ' +
    'any active non-trial OnlineServicesNCE subscription or align with the end of the calendar month.',
  900257: 'You have passed your 7-day window for reducing seats for this subscription.',
  900258: 'The target transition ToSubscriptionId field is invalid. Target subscription must be active.',
  900259: 'The target transition ToSubscriptionId field is invalid. Target subscription is in its cancellation window.',
  900260: 'The target transition ToSubscriptionId field is invalid. Target subscription has a shorter term.',
  900261: 'The target transition ToSubscriptionId field is invalid. Target subscription ends earlier.',
  900267: "Target transition can't have a term duration shorter than that of the source subscription.",
  900268: 'Target transition term duration is not allowed for this subscription.',
  900278: 'There is a pending operation on this subscription. Please try again after 24 hours.',
  900279: 'No further updates are allowed on this subscription.',
  900280: 'Updates are currently not allowed on this subscription.',
  900308: 'Insufficient privileges to complete the operation.',
  900311: 'This subscription has been updated too many times.',
  900322: 'This item cannot be purchased in the integration sandbox.',
  900329: 'This resource does not support application-only authentication.',
  900416: 'This customer account is locked for transactions.',
  900420: 'The audience in the token is invalid and is no longer supported in Partner Center API.',
  900421: 'MFA is required for this request.',
};

/**
 * A refusal with the standard error body `{code, description, data, source}`. Codes that Microsoft has not published are
 * texts that start with `EMULATED_`.
 *
 * @see https://learn.microsoft.com/partner-center/developer/error-codes
 */
export function refusal(status: number, code: number | `EMULATED_${string}`, description?: string): Refusal {
  const text = description ?? (typeof code === 'number' ? DESCRIPTIONS[code] : undefined) ?? String(code);
  return new Refusal(status, { code, description: text, data: [], source: 'PartnerFD' }, `${status} ${code}: ${text}`);
}

/** 400 800002, for a request whose form is wrong; the text says what. */
export function invalidInput(description: string): Refusal {
  return refusal(400, 800002, description);
}

/**
 * A refusal with the extended error body, used by agreements and account validation.
 *
 * @see https://learn.microsoft.com/partner-center/developer/retrieve-validation-status
 */
export function extendedRefusal(
  status: number,
  code: number,
  { errorName, message, parameters }: { errorName: string; message: string; parameters?: object },
): Refusal {
  const body = {
    code,
    message,
    description: message,
    errorName,
    isRetryable: false,
    ...(parameters === undefined ? {} : { parameters }),
    errorMessageExtended: `InternalErrorCode=${code}`,
  };
  return new Refusal(status, body, `${status} ${code}: ${message}`);
}
