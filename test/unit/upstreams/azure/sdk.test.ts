import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { AUTHORITY_PEM, PARTNER, startCloud } from './cloud.ts';

const ACCOUNT = { name: 'account-1', properties: { agreementType: 'MicrosoftPartnerAgreement' } };
const FAILURE = 'ERR_REQUIRE_ESM_RACE_CONDITION';

const moduleAt = (path: string) => JSON.stringify(new URL(`../../../../src/${path}`, import.meta.url).href);

/** In a process of its own, since here the packages may be loaded already. */
it('is loaded again by the same client after that has failed once', async () => {
  const { url, sent } = await startCloud(() => ({ json: { value: [ACCOUNT] } }));
  const folder = mkdtempSync(join(tmpdir(), 'azure-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [ca, script] = [join(folder, 'ca.pem'), join(folder, 'script.ts')];
  writeFileSync(ca, AUTHORITY_PEM);
  writeFileSync(
    script,
    `import { registerHooks } from 'node:module';
     let failures = 0;
     registerHooks({
       resolve(specifier, context, next) {
         if (specifier === '@azure-rest/core-client' && failures++ === 0) throw new Error('${FAILURE}');
         return next(specifier, context);
       },
     });
     const { createAzure } = await import(${moduleAt('upstreams/azure/client.ts')});
     const { createHttp } = await import(${moduleAt('upstreams/http.ts')});
     const { fixedSecret } = await import(${moduleAt('lib/secret.ts')});
     const url = ${JSON.stringify(url)};
     const httpFor = (upstream) =>
       createHttp({ upstream, baseUrl: url, readTimeoutMs: 10_000, readOnly: false, observe() {} });
     const azure = createAzure({
       arm: httpFor('arm'), armUrl: url, entra: httpFor('entra'), authorityUrl: url,
       clientId: 'app-id', clientSecret: fixedSecret('secret'), partnerTenantId: '${PARTNER}', seed: fixedSecret('seed'),
       refreshTokens: { load: async () => undefined, save: async () => {} },
       clock: { now: () => Date.now() }, pauseMs: 1,
     });
     const look = () => azure.bootstrap.billingAccount().catch(({ message }) => message);
     console.log(JSON.stringify([await look(), await look()]));`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script], {
    env: { PATH: process.env.PATH, NODE_EXTRA_CA_CERTS: ca },
  });
  expect(JSON.parse(stdout)).toEqual([FAILURE, 'account-1']);
  expect(sent()).toHaveLength(1);
});
