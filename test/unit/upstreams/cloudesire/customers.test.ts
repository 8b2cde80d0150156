import { describe, expect, it } from 'vitest';
import { fixture } from '../fixtures.ts';
import { startMarketplace } from './marketplace.ts';

describe('customers', () => {
  it('reads the company that the reference of the user names', async () => {
    const { customers, received } = await startMarketplace(({ path }) => ({
      json: fixture(path.includes('/user/') ? 'cloudesire/user-1301-customer' : 'cloudesire/user-company-512'),
    }));
    const { companyRef } = await customers.user(1301);
    expect(companyRef && (await customers.company(companyRef))).toMatchObject({
      id: 512,
      name: 'Officine Verdi S.p.A.',
    });
    expect(received.map(({ path }) => path)).toEqual(['/api/user/1301', '/api/userCompany/512']);
  });

  it('does without a company that is gone or may not be seen', async () => {
    const { customers } = await startMarketplace((_, n) => ({ status: [404, 403, 401][n] ?? 500 }));
    expect(await customers.company({ kind: 'company', id: 40 })).toBeUndefined();
    expect(await customers.company({ kind: 'userCompany', id: 512 })).toBeUndefined();
    await expect(customers.company({ kind: 'userCompany', id: 512 })).rejects.toMatchObject({
      code: 'cloudesire.unauthorized',
    });
  });

  it('does not do without a buyer', async () => {
    const { customers } = await startMarketplace(() => ({ status: 404 }));
    await expect(customers.user(1301)).rejects.toMatchObject({ code: 'cloudesire.not-found' });
  });

  it('reads country codes in a language', async () => {
    const codes = [{ countryCode: 'IT', country: 'Italia' }];
    const { customers, received } = await startMarketplace(() => ({ json: codes }));
    expect(await customers.countryCodes('it')).toEqual(codes);
    expect(received[0]?.query).toMatchObject({ language: 'it' });
  });
});
