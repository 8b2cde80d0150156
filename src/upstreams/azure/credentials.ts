import type { Clock } from '../../lib/clock.ts';
import { AttentionError, ConnectorError, RetryableError } from '../../lib/errors.ts';
import { type Secret, withSecret } from '../../lib/secret.ts';
import { isAppRefused } from '../entra.ts';
import { type RefreshTokenStore, redeemNewest } from '../refresh-token.ts';
import { tokenRefusalOf } from './entra.ts';
import type { Actor } from './errors.ts';
import { loadSdk, type Sdk } from './sdk.ts';
import { createHttpClient, type Send } from './transport.ts';

export interface Token {
  token: string;
  expiresOnTimestamp: number;
}

/** Tokens of one actor in one tenant, as the SDK asks for them. */
export interface Credential {
  getToken(scopes?: string | string[], options?: { claims?: string }): Promise<Token>;
}

export interface CredentialParts {
  /** Sends to the Entra ID authority. */
  send: Send;
  authorityUrl: string;
  clientId: string;
  clientSecret: Secret;
  partnerTenantId: string;
  refreshTokens: RefreshTokenStore;
  seed?: Secret | undefined;
  clock: Clock;
}

/** What ARM wants, whatever its address. */
export const SCOPE = 'https://management.azure.com/.default';
const RENEW_AHEAD_MS = 5 * 60_000;
const MOST_TENANTS = 500;

export type Credentials = ReturnType<typeof createCredentials>;

/**
 * Returns the credentials by actor and tenant. Each has its own MSAL application and cache, for MSAL, asked for a token of one
 * tenant, would give out that of another. Tokens are kept until five minutes before they expire, and fetched once for all who
 * wait.
 *
 * @see https://learn.microsoft.com/partner-center/developer/enable-secure-app-model
 */
export function createCredentials(parts: CredentialParts) {
  const held = new Map<string, Credential>();

  return {
    of(actor: Actor, tenantId: string): Credential {
      const key = `${actor} ${tenantId.toLowerCase()}`;
      const found = held.get(key);
      if (found) return found;
      const acquire = actor === 'app' ? createAppTokens(parts, tenantId) : createUserTokens(parts, tenantId);
      const made = createCredential(parts.clock, acquire);
      held.set(key, made);
      const [oldest] = held.keys();
      if (held.size > MOST_TENANTS && oldest !== undefined) held.delete(oldest);
      return made;
    },

    /** Forgets what was refused, together with what the libraries remember. */
    forget(actor: Actor, tenantId: string): void {
      held.delete(`${actor} ${tenantId.toLowerCase()}`);
    },
  };
}

type Acquire = (claims: string | undefined) => Promise<Token>;

function createCredential(clock: Clock, acquire: Acquire): Credential {
  const fetching = new Map<string, Promise<Token>>();
  let held: Token | undefined;

  async function fetch(claims: string | undefined): Promise<Token> {
    const token = await acquire(claims);
    // It has to travel in a header.
    if (!/^[\x21-\x7e]+$/.test(token.token)) throw unusable('its token holds characters that none has');
    held = token;
    return held;
  }

  return {
    async getToken(_scopes, { claims } = {}) {
      if (!claims && held && held.expiresOnTimestamp - clock.now() > RENEW_AHEAD_MS) return held;
      const key = claims ?? '';
      const running = fetching.get(key) ?? fetch(claims).finally(() => fetching.delete(key));
      fetching.set(key, running);
      return running;
    },
  };
}

/**
 * Tokens of our service principal in a tenant.
 *
 * @see https://learn.microsoft.com/javascript/api/@azure/identity/clientsecretcredential
 */
function createAppTokens(parts: CredentialParts, tenantId: string): Acquire {
  const { authorityUrl, clientId, clientSecret } = parts;
  const { send, rethrow } = watched(parts, 'app', tenantId);
  const credentialWith = keepOne(async (secret: string) => {
    const { ClientSecretCredential } = await loadSdk();
    return new ClientSecretCredential(tenantId, clientId, secret, {
      authorityHost: authorityUrl,
      disableInstanceDiscovery: true,
      httpClient: createHttpClient(send, () => decideNothing),
      retryOptions: { maxRetries: 0 },
    });
  });

  return async (claims) => {
    requireTls(authorityUrl);
    return withSecret(clientSecret, isAppRefused, async (secret) => {
      const credential = await credentialWith(secret);
      return rethrow(() => credential.getToken(SCOPE, claims ? { claims, enableCae: true } : {}));
    });
  };
}

/** Keeps the last result for as long as the secret is the same. */
function keepOne<T>(make: (secret: string) => Promise<T>): (secret: string) => Promise<T> {
  let kept: { of: string; made: Promise<T> } | undefined;
  return (secret) => {
    if (kept?.of !== secret) kept = { of: secret, made: make(secret) };
    return kept.made;
  };
}

/**
 * Tokens of the partner's user in a tenant, by the refresh token that all tenants and Partner Center share: a refresh token is
 * bound to user and application, not to tenant or resource. Each use brings a new one, which is saved at once.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/refresh-tokens
 */
function createUserTokens(parts: CredentialParts, tenantId: string): Acquire {
  const { authorityUrl, clientId, clientSecret, refreshTokens, seed } = parts;
  const { send, rethrow } = watched(parts, 'user', tenantId);
  const applicationWith = keepOne(async (secret: string) => {
    const { ConfidentialClientApplication } = await loadSdk();
    return new ConfidentialClientApplication({
      auth: {
        clientId,
        clientSecret: secret,
        authority: `${authorityUrl}/${tenantId}`,
        knownAuthorities: [new URL(authorityUrl).host],
      },
      system: { networkClient: createNetworkModule(send) },
    });
  });

  /** @param origin the configured token that `refreshToken` came from */
  function redeem(refreshToken: string, origin: string | undefined, claims: string | undefined): Promise<Token> {
    requireTls(authorityUrl);
    return withSecret(clientSecret, isAppRefused, async (secret) =>
      redeemWith(await applicationWith(secret), refreshToken, origin, claims),
    );
  }

  async function redeemWith(
    app: Application,
    refreshToken: string,
    origin: string | undefined,
    claims: string | undefined,
  ): Promise<Token> {
    const before = newestRefreshToken(app);
    // Without forceCache nothing is cached for an unknown account, and the new refresh token would be lost.
    const request = { refreshToken, scopes: [SCOPE], forceCache: true, ...(claims && { claims }) };
    const result = await rethrow(() => app.acquireTokenByRefreshToken(request));
    const next = newestRefreshToken(app);
    // Saved before anything else: a token that was used but not its successor would lapse 90 days after its issue.
    if (next && next !== before && next !== refreshToken) await refreshTokens.save(next, origin);
    if (!result?.accessToken || !result.expiresOn) throw unusable('it holds no token');
    return { token: result.accessToken, expiresOnTimestamp: result.expiresOn.getTime() };
  }

  return (claims) =>
    redeemNewest({
      refreshTokens,
      seed,
      isStale,
      redeem: (token, origin) => redeem(token, origin, claims),
      whoNeeds: 'Azure products need',
    });
}

const STALE = ['entra.consent-needed', 'entra.mfa-needed'];

function isStale(error: unknown): boolean {
  return error instanceof AttentionError && STALE.includes(error.code);
}

type Application = InstanceType<Sdk['ConfidentialClientApplication']>;

/** MSAL reveals the new refresh token only in its cache. */
function newestRefreshToken(app: Application): string | undefined {
  const cache = JSON.parse(app.getTokenCache().serialize()) as { RefreshToken?: Record<string, { secret?: string }> };
  return Object.values(cache.RefreshToken ?? {}).at(-1)?.secret;
}

/**
 * The libraries turn any failure of sending into words of their own; here the failure itself reaches the caller. Whatever else
 * they throw means that they could not read the answer.
 */
function watched({ send, partnerTenantId }: CredentialParts, actor: Actor, tenantId: string) {
  const isPartner = tenantId.toLowerCase() === partnerTenantId.toLowerCase();
  let failure: unknown;

  const watchedSend: Send = async (outgoing) => {
    try {
      return await send(outgoing, () => ({
        isRead: true,
        toError: (answer) => tokenRefusalOf(answer, actor, isPartner),
      }));
    } catch (error) {
      failure = error;
      throw error;
    }
  };

  return {
    send: watchedSend,
    async rethrow<T>(work: () => Promise<T>): Promise<T> {
      failure = undefined;
      try {
        return await work();
      } catch (error) {
        if (failure instanceof ConnectorError) throw failure;
        const { errorCode } = error as { errorCode?: string };
        throw unusable(errorCode ?? (error instanceof Error ? error.name : 'unknown'));
      }
    },
  };
}

/** What the transport wants decided, `watched` decides. */
const decideNothing = () => ({ toError: () => undefined });

function createNetworkModule(send: Send) {
  const exchange =
    (method: 'GET' | 'POST') =>
    async <T>(url: string, { headers = {}, body }: { headers?: Record<string, string>; body?: string } = {}) => {
      const answer = await send({ method, url, headers, body }, decideNothing);
      return { status: answer.status, headers: answer.headers, body: answer.body as T };
    };
  return { sendGetRequestAsync: exchange('GET'), sendPostRequestAsync: exchange('POST') };
}

function requireTls(authorityUrl: string): void {
  if (authorityUrl.startsWith('https:')) return;
  throw new AttentionError(
    'entra.insecure-authority',
    'Azure products need ENTRA_AUTHORITY_URL to be an https: address, for the Azure SDK takes no other.',
    { effect: 'none' },
  );
}

function unusable(why: string): RetryableError {
  return new RetryableError(
    'entra.malformed',
    `The answer of Entra ID cannot be used (${why}). If that goes on, check ENTRA_AUTHORITY_URL.`,
    { facts: { upstream: 'entra' }, effect: 'none' },
  );
}

/** The object id in a token; `undefined` when it cannot be read, as tokens are opaque by contract. */
export function objectIdIn(token: string): string | undefined {
  try {
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { oid?: unknown };
    return typeof claims.oid === 'string' ? claims.oid : undefined;
  } catch {
    return undefined;
  }
}
