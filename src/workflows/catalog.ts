import type { Workflow } from '../engine/workflow.ts';
import { createDeprovisionLicense } from './license/deprovision.ts';
import { createProvisionLicense, type ProvisionLicenseParts } from './license/provision.ts';
import { createReportLicense } from './license/report-again.ts';
import type { Look } from './look.ts';
import type { Operation, ProductType } from './operations.ts';

export type CatalogParts = ProvisionLicenseParts;

/** Which workflow carries out an operation for a product type. */
export type Catalog = Partial<Record<ProductType, Record<Operation, Workflow<Look>>>>;

export function createCatalog(parts: CatalogParts): Catalog {
  return {
    license: {
      provision: createProvisionLicense(parts),
      report: createReportLicense(parts),
      deprovision: createDeprovisionLicense(parts),
    },
  };
}
