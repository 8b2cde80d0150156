import type { Config } from '../../src/config.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { type Azure, createAzure } from '../../src/upstreams/azure/client.ts';
import { type Cloudesire, createCloudesire } from '../../src/upstreams/cloudesire/client.ts';
import { type Budget, createHttp, type Http } from '../../src/upstreams/http.ts';
import { createPartnerCenter, type PartnerCenter } from '../../src/upstreams/partner-center/client.ts';
import { createTokens, type Tokens } from '../../src/upstreams/partner-center/token.ts';

/** The clients of the service, by which nothing can be written. */
export interface Clients {
  cloudesire: Cloudesire;
  partnerCenter: PartnerCenter;
  tokens: Tokens;
  azure: Azure;
  /** Without a token. */
  entra: Http;
  arm: Http;
}

/** Somebody sits there and waits. */
const ANSWER_WITHIN_MS = 30_000;
/** A few dozen calls come near no limit. */
const NO_BUDGET: Budget = { take: async () => undefined, pause: async () => {} };

/** Where the upstreams are, by their names. */
export function addressesOf({ cloudesire, partnerCenter, azure }: Config): Record<string, string> {
  return {
    cloudesire: cloudesire.baseUrl,
    'partner-center': partnerCenter.baseUrl,
    entra: partnerCenter.authorityUrl,
    arm: azure.armUrl,
  };
}

/**
 * Builds the clients of the service for reading alone, whatever the configuration says: what would write is kept back at the last step
 * before the wire. Nothing is remembered but, in this process, a refresh token that Entra ID has replaced.
 */
export function openClients(config: Config): Clients {
  const { authorityUrl, refreshToken: seed, ...app } = config.partnerCenter;
  const calls = { readOnly: true, readTimeoutMs: ANSWER_WITHIN_MS, budget: NO_BUDGET, observe: () => {} };
  const addresses = addressesOf(config);
  const httpFor = (upstream: string) => createHttp({ ...calls, upstream, baseUrl: addresses[upstream] ?? '' });
  const refreshTokens = rememberOne();
  const entra = httpFor('entra');
  const tokens = createTokens({ ...app, http: entra, clock: systemClock, refreshTokens, seed });
  return {
    cloudesire: createCloudesire({ http: httpFor('cloudesire'), token: config.cloudesire.authToken }),
    partnerCenter: createPartnerCenter({ http: httpFor('partner-center'), tokens }),
    tokens,
    azure: createAzure({
      ...app,
      ...calls,
      partnerTenantId: app.tenantId,
      armUrl: config.azure.armUrl,
      billingAccount: config.azure.billingAccount,
      authorityUrl,
      refreshTokens,
      seed,
      timeoutMs: ANSWER_WITHIN_MS,
      clock: systemClock,
    }),
    entra,
    arm: httpFor('arm'),
  };
}

function rememberOne() {
  let newest: string | undefined;
  return {
    load: async () => newest,
    async save(token: string) {
      newest = token;
    },
  };
}
