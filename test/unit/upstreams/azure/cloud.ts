import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { fixedSecret } from '../../../../src/lib/secret.ts';
import { type AzureParts, createAzure } from '../../../../src/upstreams/azure/client.ts';
import { createHttp, type HttpParts, type UpstreamCall } from '../../../../src/upstreams/http.ts';
import { createTestClock } from '../../../support/test-clock.ts';
import { issue, rsaKey } from '../../intake/certificates.ts';
import { type Received, type Reply, startUpstream } from '../fake-upstream.ts';

export const PARTNER = '0a11b2c3-0000-4000-8000-00000000aaaa';
export const TENANT = '7c1e2f34-8a9b-4c0d-9e1f-2a3b4c5d6e7f';
export const SUBSCRIPTION = '3b9f0c1d-2e4f-4a6b-8c7d-9e0f1a2b3c4d';
export const WHERE = { tenantId: TENANT, subscriptionId: SUBSCRIPTION };
export const ROOT = `/subscriptions/${SUBSCRIPTION}`;

const authority = issue({ key: rsaKey(), commonName: 'test authority', isAuthority: true });
const server = issue({ key: rsaKey(), issuer: authority, hosts: ['127.0.0.1', 'localhost'] });
export const TLS = { key: server.key.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: server.pem };
/** To be trusted with NODE_EXTRA_CA_CERTS, or as here. */
export const AUTHORITY_PEM = authority.pem;
setDefaultCACertificates([...getCACertificates('default'), authority.pem]);

/** A call of the token endpoint. */
export interface TokenCall {
  tenantId: string;
  form: Record<string, string>;
}

/**
 * Azure, as Entra ID and ARM on one port, and a client of it. `respond` answers the n-th call of ARM, `issueToken` the n-th for a
 * token: by default `app-{n}@{tenant}` or `user-{n}@{tenant}`, with a new refresh token each time.
 */
export async function startCloud(
  respond: (call: Received, n: number) => Reply,
  {
    issueToken = issueAny,
    readTimeoutMs = 10_000,
    readOnly = false,
    budget: otherBudget,
    ...parts
  }: Partial<AzureParts & Pick<HttpParts, 'readTimeoutMs' | 'readOnly' | 'budget'>> & {
    issueToken?: (call: TokenCall, n: number) => Reply;
  } = {},
) {
  const calls: Received[] = [];
  const tokenCalls: TokenCall[] = [];
  const upstream = await startUpstream((call) => {
    const [, tenantId = '', rest = ''] = /^\/([^/]+)\/(.*)$/.exec(call.path) ?? [];
    if (rest === 'v2.0/.well-known/openid-configuration') return discovery(`https://${call.headers.host}/${tenantId}`);
    if (rest === 'oauth2/v2.0/token') {
      const tokenCall = { tenantId, form: Object.fromEntries(new URLSearchParams(call.body)) };
      tokenCalls.push(tokenCall);
      return issueToken(tokenCall, tokenCalls.length);
    }
    calls.push(call);
    return respond(call, calls.length - 1);
  }, TLS);

  const observed: UpstreamCall[] = [];
  const budget = {
    taken: [] as string[][],
    paused: [] as [string[], number][],
    async take(keys: string[]): Promise<{ waitMs: number } | undefined> {
      budget.taken.push(keys);
      return undefined;
    },
    async pause(keys: string[], ms: number) {
      budget.paused.push([keys, ms]);
    },
  };
  const refreshTokens = createStore();
  const clock = createTestClock(Date.now());
  const { armUrl = upstream.url, authorityUrl = upstream.url } = parts;
  const httpFor = (name: string, baseUrl: string) =>
    createHttp({
      upstream: name,
      baseUrl,
      readTimeoutMs,
      readOnly,
      budget: otherBudget ?? budget,
      observe: (call) => observed.push(call),
    });
  const azure = createAzure({
    arm: httpFor('arm', armUrl),
    armUrl,
    entra: httpFor('entra', authorityUrl),
    authorityUrl,
    clientId: 'app-id',
    clientSecret: fixedSecret('cl1ent-s3cret'),
    partnerTenantId: PARTNER,
    refreshTokens,
    seed: fixedSecret('seed-refresh-token'),
    clock,
    pauseMs: 1,
    ...parts,
  });
  return {
    azure,
    there: azure.in(WHERE),
    calls,
    tokenCalls,
    observed,
    budget,
    refreshTokens,
    clock,
    url: upstream.url,
    /** Calls of ARM as `METHOD path`. */
    sent: () => calls.map(({ method, path }) => `${method} ${path}`),
  };
}

function issueAny({ tenantId, form }: TokenCall, n: number): Reply {
  const isUser = form.grant_type === 'refresh_token';
  return issued(
    `${isUser ? 'user' : 'app'}-${n}@${tenantId}`,
    isUser ? { refresh_token: `refresh-${n}`, ...account(tenantId) } : {},
  );
}

/** What tells the user, as Entra ID sends it along. */
function account(tenantId: string) {
  const encode = (claims: object): string => Buffer.from(JSON.stringify(claims)).toString('base64url');
  const claims = { oid: 'user-object', tid: tenantId, sub: 'user', preferred_username: 'giulia@x.example' };
  return {
    id_token: `${encode({ alg: 'none' })}.${encode(claims)}.`,
    client_info: encode({ uid: 'user-object', utid: PARTNER }),
  };
}

export function issued(token: string, more: Record<string, unknown> = {}): Reply {
  return { json: { token_type: 'Bearer', expires_in: 3599, access_token: token, ...more } };
}

/** A refusal of the token endpoint. */
export function noToken(error: string, number: number, status = 400): Reply {
  return {
    status,
    json: { error, error_codes: [number], error_description: `AADSTS${number}: giulia@x.example, please sign in` },
  };
}

/** A refusal of ARM. */
export function refused(status: number, code: string, message = 'No.', more: Record<string, unknown> = {}): Reply {
  return { status, json: { error: { code, message, ...more } } };
}

/** A refusal that demands a token with other claims. */
export function challenged(status = 401): Reply {
  const claims = Buffer.from('{"access_token":{"acrs":{"essential":true,"value":"p1"}}}').toString('base64');
  return {
    ...refused(status, 'InvalidAuthenticationToken'),
    headers: {
      'WWW-Authenticate': `Bearer realm="", authorization_uri="https://x.example", error="insufficient_claims", claims="${claims}"`,
    },
  };
}

export function tokenOf(call: Received | undefined): string | undefined {
  return call?.headers.authorization?.replace('Bearer ', '');
}

export function bodyOf(call: Received | undefined): unknown {
  return JSON.parse(call?.body ?? '');
}

/** What a promise was rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it did not fail');
}

export function createStore(stored?: string) {
  const store = {
    stored,
    saved: [] as string[],
    async load() {
      return store.stored;
    },
    async save(token: string) {
      store.saved.push(token);
      store.stored = token;
    },
  };
  return store;
}

function discovery(base: string): Reply {
  return {
    json: {
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    },
  };
}
