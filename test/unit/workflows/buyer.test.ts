import { describe, expect, it } from 'vitest';
import type { Cloudesire } from '../../../src/upstreams/cloudesire/client.ts';
import type { Address } from '../../../src/upstreams/cloudesire/schema.ts';
import { readBuyer } from '../../../src/workflows/buyer.ts';

const BERLIN: Address = { address: 'Hauptstrasse 1', city: 'Berlin', zipCode: '10115' };

/** Where a buyer lives of whom the marketplace shows these addresses. */
async function read(company: Address, user: Address): Promise<string> {
  const customers = {
    user: async () => ({
      id: 1,
      name: 'Ada',
      surname: 'Rossi',
      email: 'ada@contoso.example',
      companyRef: { kind: 'userCompany', id: 5 },
      address: user,
    }),
    company: async () => ({ id: 5, name: 'Contoso', address: company }),
    countryCodes: async () => [{ country: 'Germany', countryCode: 'DE' }],
  } as unknown as Cloudesire['customers'];
  const { addressLine, country } = await readBuyer({ customers }, 1, { privateCustomers: 'refuse' });
  return `${addressLine}, ${country}`;
}

describe('the country of a buyer', () => {
  it('is that of the address that is taken, whatever another one says', async () => {
    expect(await read({ countryCode: 'IT' }, { ...BERLIN, countryCode: 'DE' })).toBe('Hauptstrasse 1, DE');
    expect(await read({ countryCode: 'IT' }, { ...BERLIN, country: 'GERMANY' })).toBe('Hauptstrasse 1, DE');
    expect(await read({ ...BERLIN, country: ' de ' }, { countryCode: 'IT' })).toBe('Hauptstrasse 1, DE');
  });

  it('is that of another address where the one that is taken has none', async () => {
    expect(await read({ countryCode: 'DE' }, BERLIN)).toBe('Hauptstrasse 1, DE');
  });

  it('is asked for where the address that is taken names one that nobody knows', async () => {
    const reading = read({ countryCode: 'IT' }, { ...BERLIN, country: 'Atlantis' });
    await expect(reading).rejects.toMatchObject({ code: 'customer.data-missing', params: { fields: 'country' } });
  });
});
