import { describe, expect, it } from 'vitest';
import { exchange, replyOf } from '../fixtures.ts';
import { refused, startPartnerCenter } from './partner.ts';

const item = { productId: 'CFQ7TTC0XA11', skuId: '0001', country: 'IT', segment: 'commercial' };

describe('catalogue', () => {
  it('asks for the market and the segment', async () => {
    const { catalog, received } = await startPartnerCenter(({ path }) =>
      replyOf(
        path.endsWith('availabilities')
          ? exchange('catalog-availabilities', 'list-availabilities')
          : exchange('catalog-skus', 'get-sku-azure-plan'),
      ),
    );
    expect(await catalog.sku(item)).toMatchObject({ id: '0001', minimumQuantity: 1 });
    expect(await catalog.availabilities(item)).toHaveLength(1);
    expect(received.map(({ path, query }) => [path, query])).toEqual([
      ['/v1/products/CFQ7TTC0XA11/skus/0001', { country: 'IT' }],
      ['/v1/products/CFQ7TTC0XA11/skus/0001/availabilities', { country: 'IT', targetSegment: 'commercial' }],
    ]);
  });

  it.each([
    [404, 400013],
    [404, 400018],
    [404, 400019],
    [200, 400072],
  ])('%i %i means: not sold (any more)', async (status, code) => {
    const { catalog } = await startPartnerCenter(() => refused(status, code));
    expect(await catalog.sku(item)).toBeUndefined();
    expect(await catalog.availabilities(item)).toEqual([]);
  });

  it('does not take a wrong address or a forbidden segment for not sold', async () => {
    const { catalog } = await startPartnerCenter((_, n) =>
      n === 0 ? { status: 404, text: '<html>' } : refused(403, 400030),
    );
    await expect(catalog.sku(item)).rejects.toMatchObject({ code: 'partner-center.refused' });
    await expect(catalog.availabilities(item)).rejects.toMatchObject({ code: 'partner-center.400030' });
  });
});
