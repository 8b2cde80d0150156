import { expect, it } from 'vitest';
import { boughtOf } from '../../../../src/workflows/license/bought.ts';

it.each([{}, { customerId: 'c' }, { partnerSubscriptionId: 'p' }, { customerId: '', partnerSubscriptionId: 'p' }])(
  'a record without identifiers of Microsoft stops what would be sent to an address made without them: %j',
  (fulfillment) => {
    expect(() => boughtOf(fulfillment)).toThrow(expect.objectContaining({ code: 'fulfillment.incomplete' }));
  },
);
