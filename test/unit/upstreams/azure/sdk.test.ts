import { expect, it, vi } from 'vitest';
import { loadSdk } from '../../../../src/upstreams/azure/sdk.ts';
import { startCloud } from './cloud.ts';

const ACCOUNT = { name: 'account-1', properties: { agreementType: 'MicrosoftPartnerAgreement' } };

// What fails cannot be brought about from outside: Node loads the packages.
vi.mock('../../../../src/upstreams/azure/sdk.ts', { spy: true });

it('is loaded again by the same client after that has failed once', async () => {
  const { azure, sent } = await startCloud(() => ({ json: { value: [ACCOUNT] } }));
  vi.mocked(loadSdk).mockRejectedValueOnce(new Error('ERR_REQUIRE_ESM_RACE_CONDITION'));

  const look = () => azure.bootstrap.billingAccount();
  await expect(look()).rejects.toThrow('ERR_REQUIRE_ESM_RACE_CONDITION');
  await expect(look()).resolves.toBe('account-1');
  expect(sent()).toHaveLength(1);
});
