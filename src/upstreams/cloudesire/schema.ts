import { z } from 'zod';
import { compact } from '../../lib/compact.ts';

/*
 * Cloudesire's JSON as it comes: absent and null mean the same, references are objects or plain strings, numbers may be
 * strings, dates have many spellings, and two fields of a subscription were maps before they became lists. All of that
 * ends here. What decides about an order (identifiers, status, payment, quantities) must be readable; what only
 * describes it counts as absent when it is not.
 */

function descriptive<S extends z.ZodType>(schema: S) {
  return schema.nullish().catch(undefined);
}

/** The expression below takes the square of the length in time. */
const LONGEST_REFERENCE = 1_000;

/** `{"url":"user/3"}` or `"user/3"`: the kind of resource and its identifier, the run of digits at the end. */
export const Reference = z
  .union([z.string(), z.object({ url: z.string() }).transform(({ url }) => url), z.int().transform(String)])
  .transform((url, context) => {
    const match = url.length > LONGEST_REFERENCE ? null : /(?:([A-Za-z]+)\/)?(\d{1,15})\/?$/.exec(url);
    if (match) return { kind: match[1], id: Number(match[2]) };
    context.addIssue({ code: 'custom', message: 'no reference' });
    return z.NEVER;
  });

const ReferencedId = Reference.transform(({ id }) => id);

const Id = z.union([
  z.int(),
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number),
]);

/** Decimal numbers come as number or as text such as `25.0000000000`. */
export const Amount = z.union([
  z.number(),
  z
    .string()
    .regex(/^\s*-?\d+(\.\d+)?\s*$/)
    .transform(Number),
]);

const Text = z.union([z.string(), z.number().transform(String), z.boolean().transform(String)]);

const INSTANT = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:?\d\d)?)?$/i;

/**
 * An instant as ISO string in UTC. Read are `Z`, `+00:00`, `+0000` and no zone at all (the API's default is UTC), with
 * any number of fraction digits, bare dates, and milliseconds since the epoch.
 */
export const Instant = z.union([z.int(), z.string()]).transform((value, context) => {
  const instant = new Date(typeof value === 'number' ? value : withZone(value));
  if (!Number.isNaN(instant.getTime())) return instant.toISOString();
  context.addIssue({ code: 'custom', message: 'no date' });
  return z.NEVER;
});

function withZone(text: string): string {
  const [, date = '', time = '00:00:00', zone = 'Z'] = INSTANT.exec(text.trim()) ?? [];
  return `${date}T${time}${zone}`;
}

export const DeploymentStatus = z
  .enum([
    'WAITING_PAYMENT',
    'PENDING',
    'DEPLOYED',
    'FAILED',
    'POST_CONFIGURATION',
    'STOPPED',
    'UNDEPLOY_SENT',
    'UNDEPLOYED',
    'PAYMENT_EXPIRED',
    'REQUIRES_APPROVAL',
    'REJECTED',
    'POSTPONED',
    'UNKNOWN',
  ])
  .catch(({ value }) => (value === 'WAITING_FOR_PAYMENT' ? 'WAITING_PAYMENT' : 'UNKNOWN'));
export type DeploymentStatus = z.output<typeof DeploymentStatus>;

const EndpointCategory = z.enum(['APP', 'PASSWORD_RESET', 'DOCUMENTATION', 'VIDEO']);

/** What the customer finds beside the order. */
export const Endpoint = z
  .object({ endpoint: z.string(), category: EndpointCategory, description: descriptive(z.string()) })
  .transform(compact);
export type Endpoint = z.output<typeof Endpoint>;

/** The old form of a list, a map from reference to value, as the list that it became. */
function mapAsList(reference: string) {
  return (found: unknown) =>
    typeof found === 'object' && found !== null && !Array.isArray(found)
      ? Object.entries(found).map(([key, value]) => ({ [reference]: key, value }))
      : found;
}

/** What an entry is called: by its own name, else by the id of the resource that knows the name. */
function nameOrId(
  name: string | null | undefined,
  id: number | null | undefined,
  context: z.RefinementCtx,
): string | number {
  if (name) return name;
  if (typeof id === 'number') return id;
  context.addIssue({ code: 'custom', message: 'has no name' });
  return z.NEVER;
}

const ExtraResources = z.preprocess(
  mapAsList('billingItem'),
  z.array(
    z
      .object({ billingItem: descriptive(ReferencedId), identifier: descriptive(z.string()), value: Amount.nullish() })
      .transform(({ billingItem, identifier, value }, context) => ({
        name: nameOrId(identifier, billingItem, context),
        value: value ?? undefined,
      })),
  ),
);

const ConfigurationParameters = z.preprocess(
  mapAsList('configurationParameter'),
  z.array(
    z
      .object({
        configurationParameter: descriptive(ReferencedId),
        code: descriptive(z.string()),
        value: Text.nullish(),
      })
      .transform(({ configurationParameter, code, value }, context) => ({
        name: nameOrId(code, configurationParameter, context),
        value: value ?? undefined,
      })),
  ),
);

/** A subscription as it was read: in the old map forms, extra resources and parameters are still numbers instead of names. */
export const FoundSubscription = z
  .object({
    id: Id,
    name: descriptive(z.string()),
    deploymentStatus: DeploymentStatus,
    type: z.enum(['NORMAL', 'TRIAL', 'SANDBOX', 'UNKNOWN']).catch('UNKNOWN'),
    paid: z.boolean().nullish(),
    endDate: descriptive(Instant),
    billingPeriod: descriptive(Amount),
    product: ReferencedId,
    productVersion: ReferencedId.nullish(),
    buyer: ReferencedId,
    billingItems: ExtraResources.nullish(),
    configurationParameters: ConfigurationParameters.nullish(),
    endpoints: descriptive(z.array(Endpoint)),
    resellerSlug: descriptive(z.string()),
  })
  .transform(({ product, productVersion, buyer, endpoints, billingItems, configurationParameters, ...rest }) => ({
    subscription: compact({
      ...rest,
      paid: rest.paid ?? false,
      productId: product,
      planId: productVersion,
      buyerId: buyer,
      endpoints: endpoints ?? [],
    }),
    resources: billingItems ?? [],
    parameters: configurationParameters ?? [],
  }));
export type FoundSubscription = z.output<typeof FoundSubscription>;

/**
 * A subscription as the list shows it, without what the customer entered. Dates are ISO strings in UTC, `billingPeriod`
 * counts months, `planId` is the product version, `buyerId` a user.
 */
export type SubscriptionSummary = FoundSubscription['subscription'] & {
  /** Extra resources with their quantities, such as seats. */
  extraResources: { identifier: string; value: number }[];
};

/** A single subscription. */
export type Subscription = SubscriptionSummary & {
  /** What the customer entered, by code of the configuration parameter. May hold secrets, such as a password. */
  parameters: Record<string, string>;
};

/** Names of an extra resource and of a configuration parameter, for the old map forms. */
export const BillingItem = z.object({ identifier: z.string() });
export const ConfigurationParameter = z.object({ code: z.string() });

/** Key/value pairs that integrations keep. Values have been text since 2021; older ones are turned into text. */
export const Metadata = z
  .record(z.string(), descriptive(Text))
  .transform((pairs) => compact(pairs) as Record<string, string>);

/** Read in both spellings, as the API writes it and as its enum is called, whatever the case. */
const CspProductType = z
  .string()
  .toLowerCase()
  .pipe(
    z.union([
      z.enum(['license', 'azure', 'arm']),
      z.literal('license_based').transform(() => 'license' as const),
      z.literal('azure_marketplace').transform(() => 'azure' as const),
      z.literal('arm_template').transform(() => 'arm' as const),
    ]),
  );

/** Where an import leaves the Microsoft identifiers is not documented: product or plan may show them by these names. */
const MICROSOFT_FIELDS = ['offerId', 'azurePublisher', 'azureOffer', 'azureSku', 'template'];

function microsoftFields(found: Record<string, unknown>): Record<string, string> {
  const entries = MICROSOFT_FIELDS.map((name) => [name, found[name]] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

export const Product = z
  .looseObject({
    id: Id,
    name: descriptive(z.string()),
    sku: descriptive(z.string()),
    /** `CSP` for what this connector sells. */
    type: z.string().catch('UNKNOWN'),
    cspProductType: descriptive(CspProductType),
    company: descriptive(ReferencedId),
  })
  .transform((found) => {
    const { id, name, sku, type, cspProductType, company: companyId } = found;
    return compact({ id, name, sku, type, cspProductType, companyId, fields: microsoftFields(found) });
  });
export type Product = z.output<typeof Product>;

/** A plan, which the API calls product version. `minimumDuration` and `billingPeriod` count months. */
export const Plan = z
  .looseObject({
    id: Id,
    name: descriptive(z.string()),
    identifier: descriptive(z.string()),
    externalId: descriptive(Text),
    product: descriptive(ReferencedId),
    minimumDuration: descriptive(Amount),
    billingPeriod: descriptive(Amount),
    trial: descriptive(z.enum(['NOT_ALLOWED', 'ALLOWED', 'ALLOWED_WO_PAYMENT_METHOD'])),
  })
  .transform((found) => {
    const { id, name, identifier, externalId, product: productId } = found;
    const { minimumDuration, billingPeriod, trial } = found;
    return compact({
      id,
      name,
      identifier,
      externalId,
      productId,
      minimumDuration,
      billingPeriod,
      trial,
      fields: microsoftFields(found),
    });
  });
export type Plan = z.output<typeof Plan>;

/** `country` is a name or, in older data, a code; `countryCode` has two letters and is sometimes missing. */
export const Address = z
  .object({
    address: descriptive(Text),
    city: descriptive(Text),
    zipCode: descriptive(Text),
    state: descriptive(Text),
    country: descriptive(Text),
    countryCode: descriptive(Text),
  })
  .transform(compact);
export type Address = z.output<typeof Address>;

/** Whose company it is stands in the reference itself: a customer has a `userCompany`, a vendor a `company`. */
const CompanyReference = Reference.transform(({ kind, id }) => ({
  kind: kind === 'company' ? ('company' as const) : ('userCompany' as const),
  id,
}));
export type CompanyReference = z.output<typeof CompanyReference>;

export const User = z
  .object({
    id: Id,
    userName: descriptive(z.string()),
    name: descriptive(z.string()),
    surname: descriptive(z.string()),
    fullName: descriptive(z.string()),
    email: descriptive(z.string()),
    phoneNumber: descriptive(Text),
    /** Two letters. */
    language: descriptive(z.string()),
    /** With underscore, such as `it_IT`. */
    culture: descriptive(z.string()),
    company: CompanyReference.nullish(),
    userCompany: CompanyReference.nullish(),
    address: descriptive(Address),
    homeAddress: descriptive(Address),
    fiscalCode: descriptive(Text),
  })
  .transform(({ company, userCompany, ...user }) => compact({ ...user, companyRef: company ?? userCompany }));
export type User = z.output<typeof User>;

export const Company = z
  .object({
    id: Id,
    name: descriptive(z.string()),
    /** VAT or tax number. */
    taxCode: descriptive(Text),
    emailAddress: descriptive(z.string()),
    phoneNumber: descriptive(Text),
    address: descriptive(Address),
    language: descriptive(z.string()),
  })
  .transform(compact);
export type Company = z.output<typeof Company>;

/** A country by its code of two letters and its name in the requested language. */
export const CountryCode = z.object({ countryCode: z.string(), country: z.string() });
export type CountryCode = z.output<typeof CountryCode>;

/** The texts of a refusal, in the form of today and in the oldest one. */
export const Refusal = z.object({
  errorHolders: descriptive(z.array(z.object({ error: z.string().catch('') }))),
  errors: descriptive(z.array(z.string())),
});
