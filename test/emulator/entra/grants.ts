import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import {
  expiredByInactivity,
  expiredCode,
  malformedGrant,
  otherRedirect,
  redeemedCode,
  revokedGrant,
} from './errors.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const CODE_LIFETIME_MS = 10 * MINUTE_MS;

/** What a sign-in of the partner's user leaves behind; `mfa` tells whether it was done with a second factor. */
export interface SignIn {
  mfa: boolean;
}

interface RefreshToken extends SignIn {
  issuedAt: number;
  expiresAt: number;
  revokedAt?: number;
}

interface Code extends SignIn {
  expiresAt: number;
  redirectUri?: string;
  redeemed: boolean;
}

export interface Grants {
  issueCode(signIn: SignIn, redirectUri?: string): string;
  redeemCode(code: string, redirectUri?: string): SignIn;
  issueRefreshToken(signIn: SignIn, lifetimeDays: number, value?: string): string;
  useRefreshToken(value: string): SignIn;
  revokeAll(): number;
  endRefreshToken(value: string): void;
  /** Every code and refresh token there ever was. */
  values(): string[];
}

/**
 * Returns the books of authorization codes and refresh tokens. A code is good for ten minutes and one use. A refresh
 * token is good for its days however often it is used, so that the one before a rotation works on until its own end.
 *
 * @throws {Refusal} from `redeemCode` and `useRefreshToken`
 * @see https://learn.microsoft.com/entra/identity-platform/refresh-tokens
 */
export function createGrants(clock: Clock): Grants {
  const codes = new Map<string, Code>();
  const refreshTokens = new Map<string, RefreshToken>();

  return {
    issueCode({ mfa }, redirectUri) {
      const value = `1.EmulatedCode.${randomBytes(32).toString('base64url')}`;
      const bound = redirectUri === undefined ? {} : { redirectUri };
      codes.set(value, { mfa, expiresAt: clock.now() + CODE_LIFETIME_MS, redeemed: false, ...bound });
      return value;
    },

    redeemCode(value, redirectUri) {
      const code = codes.get(value);
      if (code === undefined) throw malformedGrant();
      if (code.redeemed) throw redeemedCode();
      if (code.expiresAt <= clock.now()) throw expiredCode();
      if (code.redirectUri !== undefined && code.redirectUri !== redirectUri) {
        throw otherRedirect(redirectUri ?? '', code.redirectUri);
      }
      code.redeemed = true;
      return code;
    },

    issueRefreshToken({ mfa }, lifetimeDays, value = `1.Emulated.${randomBytes(48).toString('base64url')}`) {
      refreshTokens.set(value, { mfa, issuedAt: clock.now(), expiresAt: clock.now() + lifetimeDays * DAY_MS });
      return value;
    },

    useRefreshToken(value) {
      const token = refreshTokens.get(value);
      if (token === undefined) throw malformedGrant();
      if (token.revokedAt !== undefined) throw revokedGrant(token.issuedAt, token.revokedAt);
      if (token.expiresAt <= clock.now()) {
        throw expiredByInactivity(token.issuedAt, Math.round((token.expiresAt - token.issuedAt) / DAY_MS));
      }
      return token;
    },

    revokeAll() {
      const living = [...refreshTokens.values()].filter(({ revokedAt }) => revokedAt === undefined);
      for (const token of living) token.revokedAt = clock.now();
      return living.length;
    },

    endRefreshToken(value) {
      const token = refreshTokens.get(value);
      if (token !== undefined) token.revokedAt = clock.now();
    },

    values() {
      return [...codes.keys(), ...refreshTokens.keys()];
    },
  };
}
