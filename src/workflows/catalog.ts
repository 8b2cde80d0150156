import { createAzureProduct } from './azure/product.ts';
import type { ProvisionAzureParts } from './azure/provision.ts';
import { createLicenseProduct } from './license/product.ts';
import type { ProvisionLicenseParts } from './license/provision.ts';
import type { ProductType } from './operations.ts';
import type { Product } from './product.ts';

export type CatalogParts = ProvisionLicenseParts & ProvisionAzureParts;

export type Catalog = Record<ProductType, Product>;

/** The product types that are delivered. */
export function createCatalog(parts: CatalogParts): Catalog {
  return {
    license: createLicenseProduct(parts),
    azure: createAzureProduct('azure', parts),
    arm: createAzureProduct('arm', parts),
  };
}
