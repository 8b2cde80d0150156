import type { Clock } from '../../lib/clock.ts';
import type { Budget, UpstreamCall } from '../http.ts';
import type { Azure } from './azure.ts';

/** Where the refresh token rests, which Entra ID replaces at each use. */
export interface RefreshTokenStore {
  load(): Promise<string | undefined>;
  save(token: string): Promise<void>;
}

export interface AzureParts {
  armUrl: string;
  authorityUrl: string;
  clientId: string;
  clientSecret: string;
  partnerTenantId: string;
  refreshTokens: RefreshTokenStore;
  /** The refresh token of the configuration; the stored one, which is newer, goes before it. */
  seed?: string | undefined;
  /** Name of the billing account for new Azure subscriptions; without it, the one of the partner agreement. */
  billingAccount?: string | undefined;
  readOnly: boolean;
  /** Limit of a read; writes get three times that. */
  timeoutMs: number;
  budget: Budget;
  observe(call: UpstreamCall): void;
  clock: Clock;
}

/** Returns the client of Azure Resource Manager. */
export function createAzure(_parts: AzureParts): Azure {
  throw new Error('not built yet');
}
