import type { Config } from '../config.ts';
import { systemClock } from '../lib/clock.ts';
import { createAzure } from '../upstreams/azure/client.ts';
import { createCloudesire } from '../upstreams/cloudesire/client.ts';
import { createHttp, type HttpParts } from '../upstreams/http.ts';
import { createPartnerCenter } from '../upstreams/partner-center/client.ts';
import { createTokens } from '../upstreams/partner-center/token.ts';
import type { RefreshTokenStore } from '../upstreams/refresh-token.ts';
import { createTemplateHost } from '../upstreams/template-host.ts';

/** How calls are made, the same for all upstreams. */
export interface ClientParts extends Omit<HttpParts, 'upstream' | 'baseUrl'> {
  refreshTokens: RefreshTokenStore;
}

/** Builds the clients of the upstreams that the configuration names, with one `Http` for each upstream. */
export function composeClients(config: Config, { refreshTokens, ...calls }: ClientParts) {
  const { baseUrl, authorityUrl, refreshToken: seed, ...app } = config.partnerCenter;
  const { armUrl, billingAccount, templateHosts } = config.azure;
  const httpFor = (upstream: string, base: string) => createHttp({ ...calls, upstream, baseUrl: base });

  const entra = httpFor('entra', authorityUrl);
  const arm = httpFor('arm', armUrl);
  const tokens = createTokens({ ...app, http: entra, clock: systemClock, refreshTokens, seed });
  return {
    /** Without a token, as is `arm`. */
    entra,
    arm,
    tokens,
    cloudesire: createCloudesire({
      http: httpFor('cloudesire', config.cloudesire.baseUrl),
      token: config.cloudesire.authToken,
    }),
    partnerCenter: createPartnerCenter({ http: httpFor('partner-center', baseUrl), tokens }),
    azure: createAzure({
      arm,
      armUrl,
      entra,
      authorityUrl,
      clientId: app.clientId,
      clientSecret: app.clientSecret,
      partnerTenantId: app.tenantId,
      billingAccount,
      refreshTokens,
      seed,
      clock: systemClock,
      // Who looks again that rarely need not hold a worker much longer.
      pauseMs: config.timing.pollEveryMs / 10,
    }),
    templateHost: createTemplateHost({ hosts: templateHosts }),
  };
}

export type Clients = ReturnType<typeof composeClients>;
