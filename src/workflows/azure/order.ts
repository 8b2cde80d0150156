import { AttentionError } from '../../lib/errors.ts';
import type { Subscription } from '../../upstreams/cloudesire/schema.ts';
import type { ProductType } from '../operations.ts';
import type { Selling } from '../selling.ts';

/** A machine image of the Azure Marketplace. */
export interface ImageReference {
  publisher: string;
  offer: string;
  sku: string;
}

export type CustomerRole = 'reader' | 'contributor' | 'owner';

/** What is deployed for one subscription, before anything was asked of Microsoft. */
export interface AzureOrder {
  deploys: { kind: 'template'; address: string } | { kind: 'image'; image: ImageReference };
  region: string;
  dnsPrefix?: string;
  vmSize?: string;
  segment: string;
  /** An Azure subscription of its own, instead of the one that the customer's orders share. */
  dedicated: boolean;
  /** What the customer may do in the Azure subscription; nothing unless the plan says so. */
  access?: CustomerRole;
  /** What the customer may spend on Azure in a month before operations are told, in the partner's currency. */
  budget?: number;
}

export interface AzureSettings {
  /** Code of the configuration parameter with the wanted DNS label. */
  dnsParameter: string;
  /** Code of the configuration parameter with the wanted region. */
  regionParameter: string;
  /** Code of the configuration parameter with the wanted domain of the tenant. */
  domainParameter: string;
  /** The region of orders that name none. */
  location: string;
}

const ACCESS: Record<string, CustomerRole | undefined> = {
  none: undefined,
  reader: 'reader',
  contributor: 'contributor',
  owner: 'owner',
};

/**
 * Translates plan and parameters of the marketplace into what is to be deployed.
 *
 * Microsoft has no trials of Azure: a trial deploys the same, and only where the plan allows it with `partnerCenterTrialOfferId`.
 *
 * @throws {AttentionError} when the plan is not configured for that
 */
export function readAzureOrder(
  productType: Exclude<ProductType, 'license'>,
  selling: Selling,
  { type, parameters }: Pick<Subscription, 'type' | 'parameters'>,
  settings: AzureSettings,
): AzureOrder {
  if (type === 'TRIAL') selling.demand('partnerCenterTrialOfferId');
  const dnsPrefix = parameters[settings.dnsParameter]?.trim().toLowerCase();
  const vmSize = selling.find('vmSize');
  const access = readAccess(selling);
  const budget = readBudget(selling);
  return {
    deploys: readDeploys(productType, selling),
    region: regionOf(parameters[settings.regionParameter]) ?? settings.location,
    segment: selling.find('segment') ?? 'commercial',
    dedicated: wantsDedicated(selling),
    ...(dnsPrefix && { dnsPrefix }),
    ...(vmSize && { vmSize }),
    ...(access && { access }),
    ...(budget !== undefined && { budget }),
  };
}

/** What the plan says that is to be deployed. @throws as readAzureOrder */
export function readDeploys(productType: Exclude<ProductType, 'license'>, selling: Selling): AzureOrder['deploys'] {
  if (productType === 'arm') return { kind: 'template', address: selling.demand('template') };
  return {
    kind: 'image',
    image: {
      publisher: selling.demand('azurePublisher'),
      offer: selling.demand('azureOffer'),
      sku: selling.demand('azureSku'),
    },
  };
}

/** `West Europe` is how people write `westeurope`. */
function regionOf(entered: string | undefined): string | undefined {
  return entered?.replaceAll(/[\s_-]/g, '').toLowerCase() || undefined;
}

function wantsDedicated(selling: Selling): boolean {
  const wanted = selling.find('azureSubscription')?.toLowerCase() ?? 'shared';
  if (wanted === 'shared' || wanted === 'dedicated') return wanted === 'dedicated';
  throw malformed(selling, 'azureSubscription', 'shared or dedicated');
}

function readAccess(selling: Selling): CustomerRole | undefined {
  const wanted = selling.find('azureAccess')?.toLowerCase() ?? 'none';
  if (Object.hasOwn(ACCESS, wanted)) return ACCESS[wanted];
  throw malformed(selling, 'azureAccess', Object.keys(ACCESS).join(', '));
}

function readBudget(selling: Selling): number | undefined {
  const wanted = selling.find('azureBudget');
  if (wanted === undefined) return undefined;
  if (/^\d{1,9}(\.\d{1,2})?$/.test(wanted)) return Number(wanted);
  throw malformed(selling, 'azureBudget', 'an amount such as 250 or 99.50');
}

function malformed(selling: Selling, key: string, expected: string): AttentionError {
  return new AttentionError(
    'plan.not-configured',
    `Plan ${selling.plan.id} names ${key} "${selling.find(key)?.slice(0, 40)}"; expected is ${expected}. Correct it in the plan's integration metadata.`,
  );
}
