import type { Clock } from '../../lib/clock.ts';
import type { Secret } from '../../lib/secret.ts';
import type { Http } from '../http.ts';
import type { RefreshTokenStore } from '../refresh-token.ts';
import { createArm } from './arm.ts';
import type { Azure } from './azure.ts';
import { createBootstrap } from './bootstrap.ts';
import { createCredentials, objectIdIn } from './credentials.ts';
import { createDeploymentCalls } from './deployments.ts';
import { createOfferCalls } from './offers.ts';
import { createPowerCalls } from './power.ts';
import { createSubscriptionCalls } from './subscription.ts';
import { createSend } from './transport.ts';
import { createValidationCalls, type Pending } from './validation.ts';

export type * from './azure.ts';
export { faultsOf } from './errors.ts';

export interface AzureParts {
  /** Stands for ARM, at `armUrl`. */
  arm: Http;
  armUrl: string;
  /** Stands for the Entra ID authority, at `authorityUrl`. */
  entra: Http;
  authorityUrl: string;
  clientId: string;
  clientSecret: Secret;
  partnerTenantId: string;
  refreshTokens: RefreshTokenStore;
  /** The refresh token of the configuration; the stored one, which is newer, goes before it. */
  seed?: Secret | undefined;
  /** Name of the billing account for new Azure subscriptions; without it, the one of the partner agreement. */
  billingAccount?: string | undefined;
  clock: Clock;
  /** Between two looks within one call, of which there are a few at most. */
  pauseMs: number;
}

/**
 * Returns the client of Azure Resource Manager. The SDK is loaded at the first call. All its requests go the way of
 * `createHttp`, so that budgets, dry run, time limits and observation (`arm`, and `entra` for tokens) are as for any upstream;
 * budget keys are `arm-read/{subscription}` and `arm-write/{subscription}`, or `…/tenant-{tenant}` without a subscription.
 *
 * @see https://learn.microsoft.com/rest/api/resources
 */
export function createAzure(parts: AzureParts): Azure {
  const { armUrl, authorityUrl, partnerTenantId, billingAccount, pauseMs } = parts;
  const sendToEntra = createSend({ http: parts.entra, upstream: 'entra', baseUrl: authorityUrl });
  const credentials = createCredentials({ ...parts, send: sendToEntra });
  const arm = { http: parts.arm, armUrl, credentials };
  const pending: Pending = new Map();

  return {
    bootstrap: createBootstrap({
      partner: createArm(arm, 'user', partnerTenantId),
      inTenant: (tenantId) => createArm(arm, 'user', tenantId),
      billingAccount,
    }),

    async principalId(tenantId) {
      return objectIdIn((await credentials.of('app', tenantId).getToken()).token);
    },

    in({ tenantId, subscriptionId }) {
      const there = createArm(arm, 'app', tenantId, subscriptionId);
      return {
        ...createSubscriptionCalls(there, subscriptionId),
        deployments: {
          ...createValidationCalls(there, subscriptionId, { pending, pauseMs }),
          ...createDeploymentCalls(there, subscriptionId, pauseMs),
        },
        power: createPowerCalls(there, subscriptionId),
        ...createOfferCalls(there, subscriptionId),
      };
    },
  };
}
