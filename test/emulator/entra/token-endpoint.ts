import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Call, Reply } from '../core/server.ts';
import type { Token, Tokens } from '../core/tokens.ts';
import {
  type Directory,
  hasConsent,
  isAppKnown,
  PARTNER_TENANT_ID,
  type Person,
  servicePrincipalId,
  type Tenant,
} from './directory.ts';
import {
  consentMissing,
  foreignAccount,
  malformedClaims,
  missingCredential,
  missingParameter,
  missingServicePrincipal,
  Refusal,
  refusalReply,
  secondFactorNeeded,
  unknownCertificate,
  unknownClient,
  unknownTenant,
  unsupportedGrant,
  wrongSecret,
} from './errors.ts';
import type { CodeRequest, Grants, SignIn } from './grants.ts';
import { readWish, type Version, type Wish } from './scope.ts';

/** What may be set otherwise than Entra ID does by default. */
export interface EntraSwitches {
  /** Life of an access token in seconds. */
  accessTokenLifetimeS: number;
  /** Life of a refresh token in days, counted from its issue. */
  refreshTokenLifetimeDays: number;
  /** Whether a refresh token works on after it was used, until its own end, or ends with its use. */
  usedRefreshTokens: 'keep' | 'revoke';
  /** Whether user tokens are issued only when the sign-in behind them had a second factor (conditional access). */
  conditionalAccess: boolean;
  /** Whether access tokens are opaque to their bearer, or carry readable claims. */
  opaqueTokens: boolean;
  /** Which error an app meets in a tenant that has no service principal of it. */
  unknownAppError: 700016 | 7000229;
  /** How somebody of another tenant ends at the sign-in: on a page of Entra ID, or sent back with the error. */
  foreignAccounts: 'page' | 'redirect';
}

/**
 * One line of the books: a token that was issued, a person who signed in (`grant` is `authorize`), or a wish that was
 * refused (`refusedWith`: the AADSTS number).
 */
export interface EntraEntry {
  at: string;
  what: 'app token' | 'user token' | 'sign-in' | 'refusal';
  grant: string;
  tenant: string;
  audience?: string;
  mfa?: boolean;
  refusedWith?: number;
  correlationId: string;
}

interface Parts {
  clock: Clock;
  tokens: Tokens;
  directory: Directory;
  grants: Grants;
  switches: EntraSwitches;
  /** Whether a user token that is issued now carries the claim of a second factor, if its sign-in had one. */
  mfaClaim: () => boolean;
  record(entry: EntraEntry): void;
  keepSecret(value: string): void;
}

const GRANTS = ['client_credentials', 'refresh_token', 'authorization_code'];
const CLOCK_SKEW_S = 300;

/**
 * Answers `POST /{tenant}/oauth2/v2.0/token` and, for `v1`, `POST /{tenant}/oauth2/token`. The checks come in the order
 * tenant, grant, client, what is asked for, secret, grant's own value, consent, second factor.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
 * @see https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
export function answerTokenRequest(version: Version, call: Call, parts: Parts): Reply {
  const form = readForm(call);
  const correlationId =
    call.headers['client-request-id'] ??
    call.query.get('client-request-id') ??
    form.get('client-request-id') ??
    randomUUID();
  const grant = form.get('grant_type') ?? '';
  const traceId = randomUUID();
  const headers = {
    'cache-control': 'no-store',
    pragma: 'no-cache',
    'x-ms-request-id': traceId,
    'client-request-id': correlationId,
  };
  try {
    const tenant = parts.directory.findTenant(call.params.tenant!);
    if (tenant === undefined) throw unknownTenant(call.params.tenant!, 'token');
    const body = issue(version, form, tenant, correlationId, parts);
    return { status: 200, headers, body };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const at = new Date(parts.clock.now()).toISOString();
    parts.record({ at, what: 'refusal', grant, tenant: call.params.tenant!, refusedWith: error.code, correlationId });
    const reply = refusalReply(error, { traceId, correlationId, nowMs: parts.clock.now() });
    return { ...reply, headers };
  }
}

function readForm(call: Call): URLSearchParams {
  const isForm = call.headers['content-type']?.toLowerCase().startsWith('application/x-www-form-urlencoded') ?? false;
  return new URLSearchParams(isForm ? call.rawBody.toString('utf8') : '');
}

function issue(version: Version, form: URLSearchParams, tenant: Tenant, correlationId: string, parts: Parts): object {
  const grant = form.get('grant_type');
  if (!grant) throw missingParameter('grant_type');
  if (!GRANTS.includes(grant)) throw unsupportedGrant(grant);
  checkClient(form, grant, tenant, parts.directory);
  const wish = readWish(version, withScopeOfCode(form, parts.grants), tenant.domain);
  checkCredential(form, grant, parts.directory);

  const record = (token: Token): void =>
    parts.record({
      at: new Date(parts.clock.now()).toISOString(),
      what: token.kind === 'app' ? 'app token' : 'user token',
      grant,
      tenant: tenant.id,
      audience: token.audience,
      ...(token.kind === 'user' ? { mfa: token.mfa } : {}),
      correlationId,
    });

  if (grant === 'client_credentials') {
    if (!isAppKnown(tenant)) throw unknownApp(tenant, parts);
    const token = issueAccessToken(wish, tenant, undefined, parts);
    record(token);
    return describe(version, token, wish, parts);
  }

  const signIn = useGrant(form, grant, parts);
  const { person, scopes = ['offline_access', 'openid'] } = signIn;
  if (person.tenantId !== PARTNER_TENANT_ID && person.tenantId !== tenant.id) {
    throw foreignAccount('invalid_grant', person.tenantId, tenant.domain, parts.directory.app);
  }
  if (!hasConsent(tenant, wish.resource)) {
    throw consentMissing(parts.directory.app.clientId, parts.directory.app.displayName);
  }
  const mfa = signIn.mfa && parts.mfaClaim();
  const needsMfa = parts.switches.conditionalAccess || demandsSecondFactor(form.get('claims'));
  if (needsMfa && !mfa) throw secondFactorNeeded(wish.resource.appId);
  const token = issueAccessToken(wish, tenant, { person, mfa }, parts);
  record(token);
  const rotates = grant === 'refresh_token' || (wish.offlineAccess && scopes.includes('offline_access'));
  const identifies = wish.openid && scopes.includes('openid');
  if (grant === 'refresh_token' && parts.switches.usedRefreshTokens === 'revoke') {
    parts.grants.endRefreshToken(form.get('refresh_token')!);
  }
  const lifetimeDays = parts.switches.refreshTokenLifetimeDays;
  return {
    ...describe(version, token, wish, parts),
    ...(rotates ? { refresh_token: parts.grants.issueRefreshToken(signIn, lifetimeDays) } : {}),
    ...(identifies ? { id_token: issueIdentityToken(token, signIn, parts) } : {}),
    ...(form.get('client_info') === '1' ? { client_info: clientInfo(person) } : {}),
  };
}

function checkClient(form: URLSearchParams, grant: string, tenant: Tenant, { app }: Directory): void {
  const clientId = form.get('client_id');
  if (!clientId) throw missingParameter('client_id');
  if (clientId.toLowerCase() !== app.clientId) throw unknownClient(clientId, tenant.domain);
  if (grant === 'refresh_token' && !form.get('refresh_token')) throw missingParameter('refresh_token');
  if (grant === 'authorization_code' && !form.get('code')) throw missingParameter('code');
}

/** A code may be redeemed without naming a scope again: then the scope of its request counts. */
function withScopeOfCode(form: URLSearchParams, grants: Grants): URLSearchParams {
  const scopes = form.get('scope') ? undefined : grants.scopesOf(form.get('code') ?? '');
  if (scopes === undefined) return form;
  const completed = new URLSearchParams(form);
  completed.set('scope', scopes.join(' '));
  return completed;
}

function checkCredential(form: URLSearchParams, grant: string, { app }: Directory): void {
  const secret = form.get('client_secret');
  if (secret) {
    if (!app.secrets.includes(secret)) throw wrongSecret(app.clientId);
  } else {
    throw form.get('client_assertion') ? unknownCertificate() : missingCredential(grant);
  }
}

function useGrant(form: URLSearchParams, grant: string, { grants, keepSecret }: Parts): SignIn & CodeRequest {
  if (grant === 'refresh_token') return grants.useRefreshToken(form.get('refresh_token')!);
  const [redirectUri, verifier] = [form.get('redirect_uri'), form.get('code_verifier')];
  if (verifier !== null) keepSecret(verifier);
  return grants.redeemCode(form.get('code')!, {
    ...(redirectUri === null ? {} : { redirectUri }),
    ...(verifier === null ? {} : { verifier }),
  });
}

function unknownApp(tenant: Tenant, { directory, switches }: Parts): Refusal {
  const { clientId } = directory.app;
  return switches.unknownAppError === 7000229
    ? missingServicePrincipal(clientId, tenant.id)
    : unknownClient(clientId, tenant.domain);
}

/** Whether the claims that an API challenged its caller for ask for a second factor (authentication context `p1`). */
function demandsSecondFactor(claims: string | null): boolean {
  if (!claims) return false;
  try {
    const { access_token: wanted } = JSON.parse(claims) as { access_token?: { acrs?: unknown; amr?: unknown } };
    return wanted?.acrs !== undefined || wanted?.amr !== undefined;
  } catch {
    throw malformedClaims();
  }
}

/** For the person who signed in, or, without one, for the app itself. */
function issueAccessToken(wish: Wish, tenant: Tenant, signIn: SignIn | undefined, parts: Parts): Token {
  const { clientId } = parts.directory.app;
  const { accessTokenLifetimeS, opaqueTokens } = parts.switches;
  const facts: Omit<Token, 'value'> = {
    audience: wish.resource.audience,
    tenant: tenant.id,
    clientId,
    kind: signIn === undefined ? 'app' : 'user',
    objectId: signIn?.person.objectId ?? servicePrincipalId(clientId, tenant.id),
    mfa: signIn?.mfa ?? false,
    expiresAt: parts.clock.now() + accessTokenLifetimeS * 1000,
  };
  return parts.tokens.issue(facts, { opaque: opaqueTokens });
}

function describe(version: Version, token: Token, wish: Wish, { clock, switches }: Parts): object {
  const lifetimeS = switches.accessTokenLifetimeS;
  const scope = token.kind === 'user' ? { scope: wish.scope } : {};
  if (version === 'v2') {
    return {
      token_type: 'Bearer',
      ...scope,
      expires_in: lifetimeS,
      ext_expires_in: lifetimeS,
      access_token: token.value,
    };
  }
  return {
    token_type: 'Bearer',
    ...scope,
    expires_in: String(lifetimeS),
    ext_expires_in: String(lifetimeS),
    expires_on: String(Math.floor(token.expiresAt / 1000)),
    not_before: String(Math.floor(clock.now() / 1000) - CLOCK_SKEW_S),
    resource: wish.resource.audience,
    access_token: token.value,
  };
}

function issueIdentityToken(token: Token, signIn: SignIn & CodeRequest, { clock, keepSecret }: Parts): string {
  const { person, nonce } = signIn;
  const nowS = Math.floor(clock.now() / 1000);
  const claims = {
    aud: token.clientId,
    iss: `https://login.microsoftonline.com/${person.tenantId}/v2.0`,
    iat: nowS,
    nbf: nowS,
    exp: Math.floor(token.expiresAt / 1000),
    oid: person.objectId,
    sub: person.objectId,
    tid: person.tenantId,
    name: person.name,
    preferred_username: person.userPrincipalName,
    ...(nonce === undefined ? {} : { nonce }),
    ver: '2.0',
  };
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const header = encode({ typ: 'JWT', alg: 'RS256', kid: 'emulator' });
  const value = `${header}.${encode(claims)}.${randomBytes(64).toString('base64url')}`;
  keepSecret(value);
  return value;
}

/** Which account it is, as the client libraries ask for it: an encoded pair of object id and tenant. */
export function clientInfo({ objectId, tenantId }: Person): string {
  const info = { uid: objectId, utid: tenantId };
  return Buffer.from(JSON.stringify(info)).toString('base64url');
}
