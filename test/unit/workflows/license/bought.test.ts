import { expect, it } from 'vitest';
import type { Fulfillment } from '../../../../src/workflows/fulfillment.ts';
import { boughtOf } from '../../../../src/workflows/license/bought.ts';

it.each<Partial<Fulfillment>>([
  {},
  { customerId: 'c' },
  { partnerSubscriptionId: 'p' },
  { customerId: '', partnerSubscriptionId: 'p' },
])(
  'a record without identifiers of Microsoft stops what would be sent to an address made without them: %j',
  (fulfillment) => {
    expect(() => boughtOf({ productType: 'license', ...fulfillment })).toThrow(
      expect.objectContaining({ code: 'fulfillment.incomplete' }),
    );
  },
);
