import type { Config } from '../config.ts';
import type { AzureSettings } from '../workflows/azure/order.ts';
import type { LicenseSettings } from '../workflows/license/order.ts';

/** The settings that decide what an order of licences means. */
export function licenseSettings({ cloudesire }: Config): LicenseSettings {
  const { licenseIdentifier, domainParameter, termEndParameter } = cloudesire;
  return { licenseIdentifier, domainParameter, termEndParameter };
}

/** The settings that decide what an order of an Azure product means. */
export function azureSettings({ cloudesire, azure }: Config): AzureSettings {
  const { dnsParameter, regionParameter, domainParameter } = cloudesire;
  return { dnsParameter, regionParameter, domainParameter, location: azure.location };
}
