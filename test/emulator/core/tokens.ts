import { randomBytes, randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';

/** An access token as Entra ID issued it. `audience` is the API it is for, `expiresAt` milliseconds since the epoch. */
export interface Token {
  value: string;
  audience: string;
  tenant: string;
  clientId: string;
  kind: 'app' | 'user';
  /** Of the service principal in the tenant, or of the user; the claim `oid`. */
  objectId?: string;
  mfa: boolean;
  expiresAt: number;
}

export interface Tokens {
  issue(token: Omit<Token, 'value'>, options?: { opaque?: boolean }): Token;
  find(value: string): Token | undefined;
  expireAll(): void;
  values(): string[];
}

/**
 * Returns the access tokens that Entra ID issues and the APIs look up. A value has the form of a JSON Web Token with the
 * usual claims, but its signature is noise: whoever receives one asks here. An `opaque` one tells its bearer nothing.
 *
 * `find` knows only tokens that are valid now. `expireAll` ends every one of them before its time. `values` lists all
 * that were ever issued, expired ones too, since none of them may show up in a log.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 */
export function createTokens(clock: Clock): Tokens {
  const issued = new Map<string, Token>();

  return {
    issue(facts, { opaque = false } = {}) {
      const value = opaque ? `emulated-${randomBytes(96).toString('base64url')}` : formValue(facts, clock.now());
      const token: Token = { ...facts, value };
      issued.set(token.value, token);
      return token;
    },

    find(value) {
      const token = issued.get(value);
      return token !== undefined && token.expiresAt > clock.now() ? token : undefined;
    },

    expireAll() {
      for (const token of issued.values()) token.expiresAt = Math.min(token.expiresAt, clock.now());
    },

    values() {
      return [...issued.keys()];
    },
  };
}

function formValue(token: Omit<Token, 'value'>, issuedAt: number): string {
  const header = { typ: 'JWT', alg: 'RS256', kid: 'emulator' };
  const claims = {
    aud: token.audience,
    iss: `https://sts.windows.net/${token.tenant}/`,
    iat: Math.floor(issuedAt / 1000),
    nbf: Math.floor(issuedAt / 1000),
    exp: Math.floor(token.expiresAt / 1000),
    appid: token.clientId,
    idtyp: token.kind,
    ...(token.objectId === undefined ? {} : { oid: token.objectId, sub: token.objectId }),
    ...(token.kind === 'user' ? { amr: token.mfa ? ['pwd', 'mfa'] : ['pwd'] } : {}),
    tid: token.tenant,
    uti: randomUUID(),
    ver: '1.0',
  };
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode(header)}.${encode(claims)}.${randomBytes(64).toString('base64url')}`;
}
