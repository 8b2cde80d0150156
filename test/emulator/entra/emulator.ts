import { randomUUID } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Faults } from '../core/faults.ts';
import { createServer, type EmulatorServer } from '../core/server.ts';
import type { Tokens } from '../core/tokens.ts';
import { answerSignIn, type SignInAs } from './authorization-endpoint.ts';
import {
  ADMIN_AGENTS_ID,
  createDirectory,
  isAppKnown,
  PARTNER_CLIENT_ID,
  PARTNER_CLIENT_SECRET,
  PARTNER_REFRESH_TOKEN,
  PARTNER_TENANT_ID,
  PARTNER_USER,
  PEOPLE,
  servicePrincipalId,
  type Tenant,
} from './directory.ts';
import { momentaryTrouble, refusalBody, refusalReply, unknownTenant } from './errors.ts';
import { createGrants } from './grants.ts';
import { answerTokenRequest, type EntraEntry, type EntraSwitches } from './token-endpoint.ts';

export type { EntraEntry, EntraSwitches, SignInAs };
export {
  ADMIN_AGENTS_ID,
  PARTNER_CLIENT_ID,
  PARTNER_CLIENT_SECRET,
  PARTNER_REFRESH_TOKEN,
  PARTNER_TENANT_ID,
  PARTNER_USER,
};

/** A consent to the partner's app: for which APIs, by application id. */
export interface Consent {
  tenant: string;
  clientId: string;
  apis: string[];
}

/** Entra ID with the partner's tenant, one app registration and the partner's user, who has consented. */
export interface EntraEmulator {
  /** To be put on a port with `server.listen` and TLS. */
  server: EmulatorServer;
  /** The authority's address. @throws {Error} before the server listens */
  readonly url: string;
  /** Whether user tokens issued from now on carry the claim of a second factor, if their sign-in had one. */
  setMfa(on: boolean): void;
  /** Ends every access token before its time. */
  expireTokens(): void;
  /** Revokes every refresh token there is, as a password reset does; returns how many. Only a new consent helps. */
  revokeRefreshTokens(): number;
  /** Who signs in from now on when a browser asks for it; what is left out is as in the seed. */
  signInAs(choice?: Partial<SignInAs>): SignInAs;
  /**
   * Registers exactly these redirect URIs for the partner's app; the seed has `http://localhost`.
   *
   * @throws {Error} for an address that Entra ID would not take
   */
  setRedirectUris(uris: string[]): string[];
  /** The partner's user signs in and consents again, without a browser: a code to be redeemed within ten minutes. */
  signIn(options?: { mfa?: boolean; redirectUri?: string }): string;
  /** The partner's user consents again, and whoever looks after the connector gets the new refresh token. */
  renewConsent(options?: { mfa?: boolean }): string;
  /** A new client secret for the partner's app; the old ones stop working at once unless `keepOld`. */
  rotateClientSecret(options?: { keepOld?: boolean }): string;
  /** Makes a tenant known or changes it; with `consented` (the default) the app may get tokens for it. */
  addTenant(tenant: { id: string; domain?: string; consented?: boolean }): void;
  /**
   * Creates the app's service principal in a tenant and consents to it there; false when both were there already.
   *
   * @throws {Error} for an unknown tenant or app
   */
  consent(consent: Consent): boolean;
  /** Takes consent and service principal away, as an administrator of the tenant can. */
  revokeConsent(tenant: string): void;
  /** The object id of the app's service principal in a tenant, once it is there. */
  servicePrincipal(tenant: string): string | undefined;
  /** The next `times` token requests are answered 429 or 503 in Entra's words. */
  beBusy(options?: { status?: 429 | 503; times?: number; retryAfterS?: number }): void;
  /** What whoever configures the connector has at hand: the newest client secret and refresh token. */
  credentials(): { tenantId: string; clientId: string; clientSecret: string; refreshToken: string };
  switches(): EntraSwitches;
  /** Changes some switches and returns all of them. */
  setSwitches(changes: Partial<EntraSwitches>): EntraSwitches;
  books(): EntraEntry[];
  reset(): void;
  secrets(): string[];
}

const DEFAULT_SWITCHES: EntraSwitches = {
  accessTokenLifetimeS: 3599,
  refreshTokenLifetimeDays: 90,
  usedRefreshTokens: 'keep',
  conditionalAccess: false,
  opaqueTokens: false,
  unknownAppError: 700016,
  foreignAccounts: 'page',
};

const DEFAULT_SIGN_IN: SignInAs = { who: 'adminAgent', mfa: true, declines: false };

/**
 * Returns an emulated Entra ID, to be put on a port with TLS, since the clients insist on HTTPS.
 *
 * Access tokens go into `tokens`, where the emulated APIs look them up.
 */
export function createEntraEmulator(parts: { clock: Clock; faults: Faults; tokens: Tokens }): EntraEmulator {
  const { clock, faults, tokens } = parts;
  const server = createServer('entra', { clock, faults });
  const switches = { ...DEFAULT_SWITCHES };
  const identityTokens: string[] = [];
  const formerSecrets = new Set<string>();
  const entries: EntraEntry[] = [];
  let origin: string | undefined;
  let mfaClaim = true;
  let nextSignIn = DEFAULT_SIGN_IN;
  let consentToken = PARTNER_REFRESH_TOKEN;
  let directory = createDirectory();
  let grants = createGrants(clock);

  function tenantOf(id: string): Tenant {
    const tenant = directory.findTenant(id);
    if (tenant === undefined) throw new Error(`There is no tenant ${id}.`);
    return tenant;
  }

  function seed(): void {
    directory = createDirectory();
    grants = createGrants(clock);
    const signIn = { person: PARTNER_USER, mfa: true };
    consentToken = grants.issueRefreshToken(signIn, switches.refreshTokenLifetimeDays, PARTNER_REFRESH_TOKEN);
  }

  const listen = server.listen;
  server.listen = async (options) => {
    origin = await listen(options);
    return origin;
  };

  const emulator: EntraEmulator = {
    server,

    get url() {
      if (origin === undefined) throw new Error('The Entra ID emulator does not listen yet.');
      return origin;
    },

    setMfa(on) {
      mfaClaim = on;
    },

    expireTokens() {
      tokens.expireAll();
    },

    revokeRefreshTokens() {
      return grants.revokeAll();
    },

    signInAs(choice = {}) {
      checkSignIn(choice);
      nextSignIn = { ...DEFAULT_SIGN_IN, ...choice };
      return { ...nextSignIn };
    },

    setRedirectUris(uris) {
      if (!Array.isArray(uris)) throw new Error('Redirect URIs are a list.');
      directory.setRedirectUris(uris);
      return [...uris];
    },

    signIn({ mfa = true, redirectUri } = {}) {
      return grants.issueCode({ person: PARTNER_USER, mfa }, redirectUri === undefined ? {} : { redirectUri });
    },

    renewConsent({ mfa = true } = {}) {
      consentToken = grants.issueRefreshToken({ person: PARTNER_USER, mfa }, switches.refreshTokenLifetimeDays);
      return consentToken;
    },

    rotateClientSecret({ keepOld = false } = {}) {
      return directory.rotateSecret({ keepOld });
    },

    addTenant({ id, domain, consented = true }) {
      if (typeof id !== 'string' || id === '') throw new Error('A tenant has an id.');
      const consentedTo = consented ? ('all' as const) : [];
      directory.putTenant({ id, domain: domain ?? directory.findTenant(id)?.domain ?? id, consentedTo });
    },

    consent({ tenant: id, clientId, apis }) {
      const tenant = tenantOf(id);
      if (clientId.toLowerCase() !== directory.app.clientId) throw new Error(`There is no app ${clientId}.`);
      const known = tenant.consentedTo;
      const missing = known === 'all' ? [] : apis.filter((api) => !known.includes(api.toLowerCase()));
      if (known === 'all' || missing.length === 0) return false;
      directory.putTenant({ ...tenant, consentedTo: [...known, ...missing.map((api) => api.toLowerCase())] });
      return true;
    },

    revokeConsent(id) {
      directory.putTenant({ ...tenantOf(id), consentedTo: [] });
    },

    servicePrincipal(id) {
      const tenant = directory.findTenant(id);
      if (tenant === undefined || !isAppKnown(tenant)) return undefined;
      return servicePrincipalId(directory.app.clientId, tenant.id);
    },

    beBusy({ status = 429, times = 1, retryAfterS = 10 } = {}) {
      const ids = { traceId: randomUUID(), correlationId: randomUUID(), nowMs: clock.now() };
      faults.inject({
        server: 'entra',
        method: 'POST',
        kind: 'status',
        status,
        headers: { 'retry-after': String(retryAfterS) },
        body: refusalBody(momentaryTrouble(status), ids),
        times,
      });
    },

    credentials() {
      return {
        tenantId: PARTNER_TENANT_ID,
        clientId: PARTNER_CLIENT_ID,
        clientSecret: directory.app.secrets.at(-1)!,
        refreshToken: consentToken,
      };
    },

    switches() {
      return { ...switches };
    },

    setSwitches(changes) {
      checkSwitches(changes);
      return { ...Object.assign(switches, changes) };
    },

    books() {
      return entries.map((entry) => ({ ...entry }));
    },

    reset() {
      for (const secret of emulator.secrets()) formerSecrets.add(secret);
      Object.assign(switches, DEFAULT_SWITCHES);
      mfaClaim = true;
      nextSignIn = DEFAULT_SIGN_IN;
      entries.length = 0;
      server.calls.length = 0;
      tokens.expireAll();
      seed();
    },

    secrets() {
      const values = [...directory.allSecrets(), ...grants.values(), ...identityTokens, ...tokens.values()];
      const personal = Object.values(PEOPLE).flatMap(({ name, userPrincipalName }) => [name, userPrincipalName]);
      return [...new Set([...formerSecrets, ...values, ...personal])];
    },
  };

  seed();
  addRoutes();
  addCommands(server, emulator);
  return emulator;

  function addRoutes(): void {
    const endpointParts = {
      clock,
      tokens,
      switches,
      mfaClaim: () => mfaClaim,
      record: (entry: EntraEntry) => void entries.push(entry),
      keepSecret: (value: string) => void identityTokens.push(value),
    };
    server.route('GET', '/:tenant/oauth2/v2.0/authorize', (call) =>
      answerSignIn(call, { clock, switches, directory, grants, signInAs: nextSignIn, record: endpointParts.record }),
    );
    server.route('POST', '/:tenant/oauth2/v2.0/token', (call) =>
      answerTokenRequest('v2', call, { ...endpointParts, directory, grants }),
    );
    server.route('POST', '/:tenant/oauth2/token', (call) =>
      answerTokenRequest('v1', call, { ...endpointParts, directory, grants }),
    );
    server.route('GET', '/:tenant/v2.0/.well-known/openid-configuration', ({ params, headers }) => {
      const tenant = directory.findTenant(params.tenant!);
      if (tenant === undefined) {
        const ids = { traceId: randomUUID(), correlationId: randomUUID(), nowMs: clock.now() };
        return refusalReply(unknownTenant(params.tenant!, 'discovery'), ids);
      }
      const base = `https://${headers.host}/${tenant.id}`;
      return {
        status: 200,
        body: {
          issuer: `${base}/v2.0`,
          authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
          token_endpoint: `${base}/oauth2/v2.0/token`,
          jwks_uri: `${base}/discovery/v2.0/keys`,
          end_session_endpoint: `${base}/oauth2/v2.0/logout`,
        },
      };
    });
    server.notFound(() => ({ status: 404 }));
    server.route('GET', '/:tenant/discovery/v2.0/keys', () => ({ status: 200, body: { keys: [] } }));
  }
}

function checkSwitches(changes: Record<string, unknown>): void {
  const defaults: Record<string, unknown> = { ...DEFAULT_SWITCHES };
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in defaults))
      throw new Error(`There is no switch ${name}; there are ${Object.keys(defaults).join(', ')}.`);
    if (typeof value !== typeof defaults[name]) throw new Error(`The switch ${name} is a ${typeof defaults[name]}.`);
  }
}

function checkSignIn(choice: Record<string, unknown>): void {
  const defaults: Record<string, unknown> = { ...DEFAULT_SIGN_IN };
  for (const [name, value] of Object.entries(choice)) {
    if (typeof value !== typeof defaults[name]) throw new Error('signInAs takes { who?, mfa?, declines? }.');
  }
  const { who } = choice;
  if (typeof who === 'string' && !Object.hasOwn(PEOPLE, who)) {
    throw new Error(`There is no ${who} to sign in; there are ${Object.keys(PEOPLE).join(', ')}.`);
  }
}

function addCommands(server: EmulatorServer, emulator: EntraEmulator): void {
  server.command(
    'setMfa',
    ({ on }: { on: boolean }) => {
      emulator.setMfa(on);
      return { on };
    },
    { on: 'flag' },
  );
  server.command('expireTokens', () => emulator.expireTokens());
  server.command('revokeRefreshTokens', () => ({ revoked: emulator.revokeRefreshTokens() }));
  server.command('signInAs', emulator.signInAs);
  server.command('setRedirectUris', ({ uris }: { uris: string[] }) => ({ uris: emulator.setRedirectUris(uris) }), {
    uris: 'list',
  });
  server.command('signIn', (options: { mfa?: boolean; redirectUri?: string }) => ({ code: emulator.signIn(options) }));
  server.command('renewConsent', (options: { mfa?: boolean }) => ({ refreshToken: emulator.renewConsent(options) }));
  server.command('rotateClientSecret', (options: { keepOld?: boolean }) => ({
    clientSecret: emulator.rotateClientSecret(options),
  }));
  server.command('addTenant', emulator.addTenant, { id: 'text', domain: 'text?', consented: 'flag?' });
  server.command('consent', emulator.consent, { tenant: 'text', clientId: 'text', apis: 'list' });
  server.command('revokeConsent', ({ tenant }: { tenant: string }) => emulator.revokeConsent(tenant), {
    tenant: 'text',
  });
  server.command(
    'servicePrincipal',
    ({ tenant }: { tenant: string }) => ({ objectId: emulator.servicePrincipal(tenant) ?? null }),
    { tenant: 'text' },
  );
  server.command('beBusy', emulator.beBusy);
  server.command('credentials', emulator.credentials);
  server.command('switches', emulator.switches);
  server.command('setSwitches', emulator.setSwitches);
  server.command('books', emulator.books);
  server.command('secrets', emulator.secrets);
  server.command('reset', emulator.reset);
}
