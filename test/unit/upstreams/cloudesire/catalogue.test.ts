import { describe, expect, it } from 'vitest';
import { fixture } from '../fixtures.ts';
import { startMarketplace } from './marketplace.ts';

describe('catalogue', () => {
  it('reads product, plan and the metadata of both', async () => {
    const replies: Record<string, string> = {
      '/api/product/210': 'product-210-license',
      '/api/productVersion/2101': 'product-version-2101-license',
      '/api/product/210/metadata': 'product-version-2101-metadata',
      '/api/productVersion/2101/metadata': 'product-version-2101-metadata',
    };
    const { catalogue } = await startMarketplace(({ path }) => ({ json: fixture(`cloudesire/${replies[path]}`) }));
    const metadata = fixture('cloudesire/product-version-2101-metadata');
    expect(await catalogue.product(210)).toMatchObject({
      id: 210,
      sku: 'ms365-business-premium',
      cspProductType: 'license',
    });
    expect(await catalogue.plan(2101)).toMatchObject({ id: 2101, productId: 210 });
    expect(await catalogue.productMetadata(210)).toEqual(metadata);
    expect(await catalogue.planMetadata(2101)).toEqual(metadata);
  });

  it('takes what does not exist for absent, and nothing else', async () => {
    const missing = await startMarketplace(() => ({ status: 404 }));
    expect(await missing.catalogue.product(1)).toBeUndefined();
    expect(await missing.catalogue.plan(1)).toBeUndefined();
    expect(await missing.catalogue.productMetadata(1)).toEqual({});
    expect(await missing.catalogue.planMetadata(1)).toEqual({});
    const forbidden = await startMarketplace(() => ({ status: 403 }));
    await expect(forbidden.catalogue.planMetadata(1)).rejects.toMatchObject({ code: 'cloudesire.forbidden' });
  });
});
