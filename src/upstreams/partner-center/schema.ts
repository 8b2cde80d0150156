import { z } from 'zod';
import { compact } from '../../lib/compact.ts';

/*
 * Partner Center's JSON as it comes: absent and null mean the same, names differ in case from page to page, codes are
 * numbers or text, times have up to seven fraction digits and sometimes no zone. All of that ends here.
 */

/** An object whose names are read in any case. */
export function anyCase<S extends z.ZodRawShape>(shape: S) {
  const names = new Map(Object.keys(shape).map((name) => [name.toLowerCase(), name]));
  return z.preprocess(
    (found) =>
      isRecord(found)
        ? Object.fromEntries(
            Object.entries(found).map(([name, value]) => [names.get(name.toLowerCase()) ?? name, value]),
          )
        : found,
    z.object(shape),
  );
}

function isRecord(found: unknown): found is Record<string, unknown> {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}

/**
 * The elements of a collection, which is `{ items }` or, here and there, a bare array; the history of transitions comes as
 * `{ transition }` too. `null`, or nothing in a collection that counts none, is an empty one; any other object is no collection: taken for
 * an empty one it would say that something was never bought.
 */
export function collection<S extends z.ZodType>(element: S) {
  return z.union([
    z.array(element),
    anyCase({
      items: z.array(element).nullish(),
      transition: z.array(element).nullish(),
      totalCount: z.number().nullish(),
    })
      .refine(
        ({ items, transition, totalCount }) => items !== undefined || transition !== undefined || totalCount === 0,
      )
      .transform(({ items, transition }) => items ?? transition ?? []),
  ]);
}

function listOf<S extends z.ZodType>(element: S) {
  return z
    .array(element)
    .nullish()
    .transform((elements) => elements ?? []);
}

/** For what only describes: unreadable counts as absent. */
export function descriptive<S extends z.ZodType>(schema: S) {
  return schema.nullish().catch(undefined);
}

/** A code, a number in every sample and text in the schema. */
export const Code = z.union([z.string(), z.number().transform(String)]);

/** An instant as ISO string in UTC. Times without a zone are UTC. */
export const Instant = z.string().transform((text, context) => {
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/i.test(text);
  const instant = new Date(text.includes('T') && !hasZone ? `${text}Z` : text);
  if (!Number.isNaN(instant.getTime())) return instant.toISOString();
  context.addIssue({ code: 'custom', message: 'no date' });
  return z.NEVER;
});

const Word = z.string().transform((text) => text.toLowerCase());

/**
 * What a subscription will do by itself, mostly at the end of its term. `actionType` is `RenewToNewTerm`, `Cancel`,
 * `RenewToExtendedServiceTerm` or `Transition`; `instructions` (product, quantity …) are as they came, to be sent again.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-scheduled-changes
 */
export const ScheduledAction = anyCase({
  scheduleType: descriptive(z.string()),
  // The same under another name, depending on the source.
  scheduledType: descriptive(z.string()),
  actionType: z.string(),
  effectiveDate: descriptive(Instant),
  instructions: descriptive(z.record(z.string(), z.unknown())),
}).transform(({ scheduleType, scheduledType, actionType, effectiveDate, instructions }) =>
  compact({ scheduleType: scheduleType ?? scheduledType ?? 'TermEnd', actionType, effectiveDate, instructions }),
);
export type ScheduledAction = z.output<typeof ScheduledAction>;

/** Seats that may still be given back: in all, and by batch with the last moment for each. */
const RefundableQuantity = anyCase({
  totalQuantity: descriptive(z.number()),
  details: listOf(
    anyCase({ quantity: z.number(), allowedUntilDateTime: descriptive(Instant) }).transform((batch) => compact(batch)),
  ),
}).transform(({ totalQuantity, details }) => ({
  totalQuantity: totalQuantity ?? details.reduce((seats, { quantity }) => seats + quantity, 0),
  details,
}));

const PARTNER_SUBSCRIPTION_STATUSES = [
  'active',
  'suspended',
  'deleted',
  'expired',
  'disabled',
  'pending',
  'none',
  'unknown',
] as const;

/**
 * A partner subscription. `quantity` counts seats; `commitmentEndDate` is the last day of the term;
 * `cancellationAllowedUntilDate` the last moment of a cancellation; `refundableQuantity` is absent while suspended;
 * `scheduledNextTermInstructions` is the older form of `scheduledActions`, as it came; `actions` are what may be done with it
 * (`Edit`, `Cancel`); `partnerId` is the PartnerID of the reseller of record.
 *
 * @see https://learn.microsoft.com/partner-center/developer/subscription-resources
 */
export const PartnerSubscription = anyCase({
  id: z.string(),
  status: Word.pipe(z.enum(PARTNER_SUBSCRIPTION_STATUSES)).catch('unknown'),
  quantity: z.number(),
  friendlyName: descriptive(z.string()),
  offerId: descriptive(z.string()),
  orderId: descriptive(z.string()),
  autoRenewEnabled: z.boolean().nullish(),
  isTrial: z.boolean().nullish(),
  termDuration: descriptive(z.string()),
  billingCycle: descriptive(Word),
  commitmentEndDate: descriptive(Instant),
  cancellationAllowedUntilDate: descriptive(Instant),
  scheduledActions: listOf(ScheduledAction),
  scheduledNextTermInstructions: descriptive(z.record(z.string(), z.unknown())),
  refundableQuantity: descriptive(RefundableQuantity),
  actions: listOf(z.string()).catch([]),
  suspensionReasons: listOf(z.string()).catch([]),
  // Empty for a customer without a reseller.
  partnerId: descriptive(Code.pipe(z.string().min(1))),
}).transform(({ autoRenewEnabled, isTrial, ...subscription }) =>
  compact({ ...subscription, autoRenewEnabled: autoRenewEnabled ?? false, isTrial: isTrial ?? false }),
);
export type PartnerSubscription = z.output<typeof PartnerSubscription>;

/** States in which nothing renews, runs or is charged any more. */
const ENDED: readonly PartnerSubscription['status'][] = ['deleted', 'disabled', 'expired'];

/** Whether Microsoft says that it has ended. One that is not found has not: it may only not be shown. */
export function hasEnded(found: PartnerSubscription | undefined): boolean {
  return found !== undefined && ENDED.includes(found.status);
}

/**
 * The instructions for the next term, of a scheduled action or in the older form, as far as they can be read.
 *
 * @see https://learn.microsoft.com/partner-center/developer/create-scheduled-changes
 */
export const NextTerm = anyCase({
  quantity: descriptive(z.number()),
  product: descriptive(
    anyCase({
      productId: descriptive(z.string()),
      skuId: descriptive(z.string()),
      termDuration: descriptive(z.string()),
      billingCycle: descriptive(Word),
    }),
  ),
}).transform(({ quantity, product }) =>
  compact({
    seats: quantity,
    productId: product?.productId,
    skuId: product?.skuId,
    term: product?.termDuration,
    billingCycle: product?.billingCycle,
  }),
);

/** A fault that comes inside a successful answer: of a cart line, an order group, or an upgrade. */
export interface Fault {
  code: string;
  description: string;
}

const CodedFault = anyCase({ code: Code, description: z.string().catch('') }).transform((fault): Fault => fault);

/**
 * An item that a partner subscription can become. `catalogItemId` goes into the transition; `quantity` counts seats; each of
 * `eligibilities` is one way of getting there (`transition_only`, `transition_with_license_transfer`), with the reasons
 * against it.
 *
 * @see https://learn.microsoft.com/partner-center/developer/transition-resources
 */
export const TransitionEligibility = anyCase({
  catalogItemId: z.string(),
  quantity: descriptive(z.number()),
  title: descriptive(z.string()),
  eligibilities: listOf(
    anyCase({ isEligible: z.boolean().catch(false), transitionType: Word, errors: listOf(CodedFault) }),
  ),
}).transform((eligibility) => compact(eligibility));
export type TransitionEligibility = z.output<typeof TransitionEligibility>;

/** One thing that happened: `Conversion` or `LicenseReassignment` has `started`, then `completed` or `failed`. */
const TransitionEvent = anyCase({
  name: z.string().trim(),
  // The sample has a trailing blank.
  status: z
    .string()
    .trim()
    .toLowerCase()
    .pipe(z.enum(['started', 'completed', 'failed', 'unknown']))
    .catch('unknown'),
  timestamp: descriptive(Instant),
  errors: listOf(CodedFault),
}).transform((event) => compact(event));

/**
 * An upgrade on its way, or done. `quantity` counts seats; `toSubscriptionId` may be absent where the partner subscription
 * stays the same.
 *
 * @see https://learn.microsoft.com/partner-center/developer/transition-resources
 */
export const Transition = anyCase({
  operationId: z.string(),
  toCatalogItemId: descriptive(z.string()),
  toSubscriptionId: descriptive(z.string()),
  quantity: descriptive(z.number()),
  events: listOf(TransitionEvent),
}).transform((transition) => compact(transition));
export type Transition = z.output<typeof Transition>;

/**
 * A day on which the first term of a new subscription may end: `date` as `2027-08-31`, the last day; `isShared` where other
 * partner subscriptions of the customer end that day, else it is the end of a month.
 *
 * @see https://learn.microsoft.com/partner-center/developer/custom-term-end-dates
 */
export const CustomTermEnd = anyCase({
  allowedCustomTermEndDate: Instant,
  allowedCustomTermEndDateType: Word.catch('unknown'),
}).transform(({ allowedCustomTermEndDate: instant, allowedCustomTermEndDateType: type }) => ({
  date: instant.slice(0, 10),
  isShared: type === 'subscriptionaligned',
}));
export type CustomTermEnd = z.output<typeof CustomTermEnd>;

const CartLineItem = anyCase({
  id: z.coerce.number(),
  catalogItemId: z.string(),
  quantity: z.number(),
  error: anyCase({ errorCode: Code, errorDescription: z.string().catch('') })
    .transform(({ errorCode, errorDescription }): Fault => ({ code: errorCode, description: errorDescription }))
    .nullish(),
}).transform((item) => compact(item));

/**
 * A cart: `active` may still be changed and checked out, `ordered` has been.
 *
 * @see https://learn.microsoft.com/partner-center/developer/cart-resources
 */
export const Cart = anyCase({
  id: z.string(),
  status: Word.pipe(z.enum(['active', 'ordered', 'unknown'])).catch('unknown'),
  lineItems: listOf(CartLineItem),
  expirationTimestamp: descriptive(Instant),
}).transform(({ expirationTimestamp: expiresAt, ...cart }) => compact({ ...cart, expiresAt }));
export type Cart = z.output<typeof Cart>;

const OrderLineItem = anyCase({
  lineItemNumber: z.coerce.number(),
  offerId: descriptive(z.string()),
  /** Absent until provisioned. */
  subscriptionId: descriptive(z.string()),
  quantity: z.number(),
  friendlyName: descriptive(z.string()),
  /** Before tax, for one unit and one billing period; absent unless asked for. */
  pricing: descriptive(anyCase({ price: z.number() })),
}).transform(({ pricing, ...item }) => compact({ ...item, price: pricing?.price }));

/**
 * An order. `status` is written in one way, whatever the spelling of the source: `completed`, `pending`, `cancelled`,
 * `suspended`, `pending-review`, `pending-po-upload`, `po-upload-complete`, `po-review-rejected`, `partial-success`,
 * `error`, `unknown`.
 *
 * @see https://learn.microsoft.com/partner-center/developer/order-resources
 */
export const Order = anyCase({
  id: z.string(),
  status: z
    .string()
    .transform((status) =>
      status
        .trim()
        .replace(/([a-z])([A-Z])/g, '$1-$2')
        .replace(/[\s_]+/g, '-')
        .toLowerCase(),
    )
    .catch('unknown'),
  currencyCode: descriptive(z.string()),
  lineItems: listOf(OrderLineItem),
}).transform((order) => compact(order));
export type Order = z.output<typeof Order>;

/** What became of a cart. Groups of lines succeed and fail each for itself. */
export const Checkout = anyCase({
  orders: listOf(Order),
  orderErrors: listOf(CodedFault),
}).transform((checkout) => compact(checkout));
export type Checkout = z.output<typeof Checkout>;

/** A customer; `id` is its tenant. */
export const Customer = anyCase({
  id: z.string(),
  companyProfile: anyCase({ domain: z.string().catch(''), companyName: z.string().catch('') }).nullish(),
  /** Absent in lists. */
  billingProfile: descriptive(anyCase({ email: z.string() })),
}).transform(({ id, companyProfile, billingProfile }) => ({
  id,
  domain: companyProfile?.domain ?? '',
  companyName: companyProfile?.companyName ?? '',
  ...(billingProfile && { billingEmail: billingProfile.email }),
}));
export type Customer = z.output<typeof Customer>;

/** The address at which a tenant's administrator accepts us as its reseller. */
export const RelationshipRequest = anyCase({ url: z.url({ protocol: /^https$/ }) });

/**
 * An indirect reseller of ours: `tenantId` is its tenant, `mpnId` its PartnerID.
 *
 * @see https://learn.microsoft.com/partner-center/developer/relationships-resources
 */
export const Reseller = anyCase({
  id: descriptive(z.string()),
  tenantId: descriptive(z.string()),
  name: descriptive(z.string()),
  // The sample calls it mpnId, the table partnerId.
  mpnId: descriptive(Code),
  partnerId: descriptive(Code),
}).transform(({ id, tenantId, name, mpnId, partnerId }, context) => {
  const tenant = tenantId ?? id;
  if (tenant) return { tenantId: tenant, ...compact({ name, mpnId: mpnId ?? partnerId }) };
  context.addIssue({ code: 'custom', message: 'no id' });
  return z.NEVER;
});
export type Reseller = z.output<typeof Reseller>;

/** Whether an indirect reseller has signed the Microsoft Partner Agreement. */
export const AgreementStatus = anyCase({ isAgreementSigned: z.boolean() });

/** The first administrator of a tenant is told once, in the answer that created it. */
export const CreatedCustomer = anyCase({
  id: z.string(),
  companyProfile: anyCase({ domain: descriptive(z.string()) }).nullish(),
  userCredentials: anyCase({ userName: descriptive(z.string()), password: descriptive(z.string()) }).nullish(),
});

/** A list under one name in the documentation, `{ value: [] }`, and bare under another one in real answers. */
const Texts = z.union([z.array(Code), anyCase({ value: z.array(Code) }).transform(({ value }) => value)]).nullish();

/**
 * What a country demands of a customer's profile.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-market-specific-validation-data
 */
export const CountryRules = anyCase({
  isStateRequired: z.boolean().nullish(),
  states: Texts,
  supportedStatesList: Texts,
  isPostalCodeRequired: z.boolean().nullish(),
  postalCodeRegex: descriptive(z.string()),
  phoneNumberRegex: descriptive(z.string()),
  supportedLanguages: Texts,
  supportedLanguagesList: Texts,
  supportedCultures: Texts,
  supportedCulturesList: Texts,
  defaultCulture: descriptive(z.string()),
  countryCallingCodes: Texts,
  countryCallingCodesList: Texts,
}).transform((found) =>
  compact({
    isStateRequired: found.isStateRequired ?? false,
    isPostalCodeRequired: found.isPostalCodeRequired ?? false,
    postalCodeRegex: found.postalCodeRegex,
    phoneNumberRegex: found.phoneNumberRegex,
    defaultCulture: found.defaultCulture,
    states: found.states ?? found.supportedStatesList ?? [],
    languages: found.supportedLanguages ?? found.supportedLanguagesList ?? [],
    cultures: found.supportedCultures ?? found.supportedCulturesList ?? [],
    callingCodes: found.countryCallingCodes ?? found.countryCallingCodesList ?? [],
  }),
);
export type CountryRules = z.output<typeof CountryRules>;

const ADDRESS_STATUSES = [
  'VerifiedShippable',
  'Verified',
  'InteractionRequired',
  'StreetPartial',
  'PremisesPartial',
  'Multiple',
  'None',
  'NotValidated',
] as const;

/** Written with and without blanks, depending on the source. */
const Joined = z.string().transform((text) => text.replace(/\s/g, ''));

/** Only the two verified states are usable without a person. */
export const AddressCheck = anyCase({ status: Joined.pipe(z.enum(ADDRESS_STATUSES)).catch('NotValidated') });
export type AddressCheck = z.output<typeof AddressCheck>;

/**
 * Purchases are blocked under `UnderReview`, `NotAllowed` and `Unknown`. Others are kept as they are, since they are shown; what is not a
 * plain word is left out.
 */
export const Vetting = anyCase({
  status: Joined.pipe(z.string().regex(/^[A-Za-z]{1,40}$/))
    .optional()
    .catch(undefined),
});
export type Vetting = z.output<typeof Vetting>;

/** How a billing cycle is written as a duration. */
const CYCLE_OF: Record<string, string> = { P1M: 'monthly', P1Y: 'annual', P3Y: 'triennial' };

/** What a trial can become, and when. */
const ConversionInstruction = anyCase({
  conversionOptions: listOf(
    anyCase({
      transferToId: z.string(),
      termTransferRules: listOf(
        anyCase({
          transferTiming: Word,
          allowedTransferToTermDurationAndBilling: listOf(
            anyCase({ termDuration: z.string(), billingPlan: descriptive(z.string()) }),
          ),
        }),
      ),
    }),
  ),
}).transform(({ conversionOptions }) =>
  conversionOptions.flatMap(({ transferToId: toId, termTransferRules }) =>
    termTransferRules.flatMap(({ transferTiming: timing, allowedTransferToTermDurationAndBilling: allowed }) =>
      allowed.map(({ termDuration: term, billingPlan }) =>
        compact({
          toId,
          timing,
          term,
          billingCycle: billingPlan && (CYCLE_OF[billingPlan.toUpperCase()] ?? billingPlan),
        }),
      ),
    ),
  ),
);

/**
 * A SKU of the catalogue. `conversions` of a trial: into which `product:sku`, with which term and billing cycle, and whether that is
 * possible `immediate` or `scheduled` for its end.
 */
export const Sku = anyCase({
  id: z.string(),
  title: descriptive(z.string()),
  minimumQuantity: descriptive(z.number()),
  maximumQuantity: descriptive(z.number()),
  isTrial: z.boolean().catch(false),
  // Its keys may change without notice: what cannot be read is not known.
  dynamicAttributes: anyCase({ conversionInstructions: listOf(ConversionInstruction).catch([]) })
    .nullish()
    .catch(undefined),
}).transform(({ dynamicAttributes, ...sku }) =>
  compact({ ...sku, conversions: dynamicAttributes?.conversionInstructions.flat() }),
);
export type Sku = z.output<typeof Sku>;

/**
 * What can be bought of a SKU; `catalogItemId` goes into a cart and changes regularly, so it is never kept. `terms` are the
 * pairs of duration (`P1M`, `P1Y`, `P3Y`) and billing cycle (`monthly`, `annual` …) on sale.
 *
 * @see https://learn.microsoft.com/partner-center/developer/product-resources
 */
export const Availability = anyCase({
  id: z.string(),
  catalogItemId: z.string(),
  segment: descriptive(Word),
  isPurchasable: descriptive(z.boolean()),
  terms: listOf(anyCase({ duration: z.string(), billingCycle: Word })),
}).transform((availability) => compact(availability));
export type Availability = z.output<typeof Availability>;

/** The registration for events, if there is one. */
export const RegisteredWebhook = anyCase({
  webhookUrl: z.string().nullish(),
  webhookEvents: listOf(z.string()),
}).transform(({ webhookUrl, webhookEvents }) => (webhookUrl ? { url: webhookUrl, events: webhookEvents } : undefined));

/**
 * An Azure subscription below an Azure plan; `id` is the Azure subscription, `subscriptionId` the plan. `status` is `active`,
 * `inactive`, or another word of Microsoft.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-a-list-of-azure-entitlements-for-subscription
 */
export const AzureEntitlement = anyCase({
  id: z.string(),
  friendlyName: descriptive(z.string()),
  status: Word.catch('unknown'),
  subscriptionId: descriptive(z.string()),
}).transform((entitlement) => compact(entitlement));
export type AzureEntitlement = z.output<typeof AzureEntitlement>;

/**
 * What a resource has cost; `entitlementId` is its Azure subscription.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-a-customer-subscription-resource-usage-records
 */
export const AzureUsage = anyCase({
  entitlementId: z.string(),
  // Not everything that costs is in a group.
  resourceGroupName: descriptive(z.string()),
  totalCost: z.number(),
  currencyCode: z.string(),
}).transform((record) => compact(record));
export type AzureUsage = z.output<typeof AzureUsage>;

/** The running billing period of a plan. https://learn.microsoft.com/partner-center/developer/get-a-customer-subscription-usage-summary */
export const UsageSummary = anyCase({ billingStartDate: Instant });

/** A budget in the partner's currency; a sample misspells its own name. */
export const UsageBudget = anyCase({ amount: z.number().nullish() });

/**
 * A role in a tenant, and the users who have it.
 *
 * @see https://learn.microsoft.com/partner-center/developer/get-user-roles-for-a-customer
 */
export const DirectoryRole = anyCase({ id: z.string(), name: z.string().catch('') });
export const UserMember = anyCase({ id: z.string() });

/** The partner's own company, of which nothing but the country is taken. */
export const LegalBusinessProfile = z.object({
  address: z
    .object({
      country: z
        .string()
        .regex(/^[A-Z]{2}$/)
        .optional()
        .catch(undefined),
    })
    .optional()
    .catch(undefined),
});
