import { z } from 'zod';
import type { Clock } from '../../lib/clock.ts';
import { AttentionError, type ConnectorError } from '../../lib/errors.ts';
import { type Secret, withSecret } from '../../lib/secret.ts';
import { consentNeeded, isAppRefused, isOfConsent, readTokenRefusal, refusalOfApp } from '../entra.ts';
import { type Answer, type Http, path, readBody } from '../http.ts';
import { type RefreshTokenStore, redeemNewest } from '../refresh-token.ts';

/** Access tokens for Partner Center, renewed ahead of expiry by one caller at a time. */
export interface Tokens {
  /** For calls that the application makes for itself. */
  appOnly(): Promise<string>;
  /** For calls that need a user, who consented once. */
  appUser(): Promise<string>;
  /** Whether a refresh token is configured. */
  hasUser: boolean;
  /** Forgets a token that was refused, so that the next call fetches another. */
  invalidate(token: string): void;
}

export interface TokenParts {
  /** Stands for the Entra ID authority. */
  http: Http;
  tenantId: string;
  clientId: string;
  clientSecret: Secret;
  refreshTokens: RefreshTokenStore;
  clock: Clock;
  /** The refresh token of the configuration. */
  seed?: Secret | undefined;
}

const RESOURCE = 'https://api.partnercenter.microsoft.com';
const APP_SCOPE = `${RESOURCE}/.default`;
export const USER_SCOPE = `${RESOURCE}/user_impersonation offline_access`;
const RENEW_AHEAD_MS = 5 * 60_000;

const TokenAnswer = z.object({
  // It has to travel in a header.
  access_token: z.string().regex(/^[\x21-\x7e]+$/),
  expires_in: z.coerce.number().positive(),
  refresh_token: z.string().min(1).optional().catch(undefined),
});

/**
 * Returns the two kinds of token of the Secure Application Model, from the v2 endpoint of the partner's tenant.
 *
 * @throws {AttentionError} `entra.app-refused` when the application's registration or secret is refused, `entra.consent-needed`
 *   when the user's consent no longer holds, `entra.consent-missing` when there has never been one
 * @see https://learn.microsoft.com/partner-center/developer/enable-secure-app-model
 */
export function createTokens(parts: TokenParts): Tokens {
  const { http, tenantId, clientId, clientSecret, refreshTokens, clock, seed } = parts;
  const app = createCache(clock, () => request({ grant_type: 'client_credentials', scope: APP_SCOPE }));
  const user = createCache(clock, () =>
    redeemNewest({ refreshTokens, seed, isStale: isConsentGone, redeem: refresh, whoNeeds: 'The call needs' }),
  );

  async function request(form: Record<string, string>): Promise<z.output<typeof TokenAnswer>> {
    const answer = await withSecret(clientSecret, isAppRefused, (secret) =>
      http.send({
        method: 'POST',
        path: path`/${tenantId}/oauth2/v2.0/token`,
        form: { client_id: clientId, client_secret: secret, ...form },
        headers: { Accept: 'application/json' },
        isRead: true,
        // A user's token may fail for reasons of that user.
        concernsAll: form.grant_type === 'client_credentials',
        toError: refusalOf,
      }),
    );
    return readBody(answer, TokenAnswer);
  }

  async function refresh(token: string, configured: string | undefined): Promise<z.output<typeof TokenAnswer>> {
    const answer = await request({ grant_type: 'refresh_token', refresh_token: token, scope: USER_SCOPE });
    // Saved before anything else: a token that was used but not its successor would lapse 90 days after its issue.
    if (answer.refresh_token && answer.refresh_token !== token) {
      await refreshTokens.save(answer.refresh_token, configured);
    }
    return answer;
  }

  return {
    appOnly: app.get,
    appUser: user.get,
    hasUser: seed !== undefined,
    invalidate(token) {
      app.forget(token);
      user.forget(token);
    },
  };
}

function isConsentGone(error: unknown): boolean {
  return error instanceof AttentionError && error.code === 'entra.consent-needed';
}

/** Keeps one token until shortly before it expires, and fetches the next for all who wait. */
function createCache(clock: Clock, fetch: () => Promise<z.output<typeof TokenAnswer>>) {
  let held: { token: string; renewAt: number } | undefined;
  let fetching: Promise<string> | undefined;

  async function renew(): Promise<string> {
    const askedAt = clock.now();
    const { access_token: token, expires_in: lifetimeSeconds } = await fetch();
    const lifetimeMs = lifetimeSeconds * 1000;
    held = { token, renewAt: askedAt + lifetimeMs - Math.min(RENEW_AHEAD_MS, lifetimeMs / 2) };
    return token;
  }

  async function get(): Promise<string> {
    if (held && clock.now() < held.renewAt) return held.token;
    fetching ??= renew().finally(() => {
      fetching = undefined;
    });
    return fetching;
  }

  function forget(token: string): void {
    if (held?.token === token) held = undefined;
  }

  return { get, forget };
}

/** The meaning of a refusal of a token for Partner Center. `undefined` for 408 and 5xx. */
export function refusalOf(answer: Answer): ConnectorError | undefined {
  const refusal = readTokenRefusal(answer);
  return refusal && (isOfConsent(refusal) ? consentNeeded(refusal) : refusalOfApp(refusal));
}
