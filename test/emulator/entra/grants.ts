import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Person } from './directory.ts';
import {
  expiredByInactivity,
  expiredCode,
  malformedGrant,
  missingVerifier,
  otherRedirect,
  otherVerifier,
  redeemedCode,
  revokedGrant,
} from './errors.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const CODE_LIFETIME_MS = 10 * MINUTE_MS;

/** What a sign-in leaves behind: who it was, and whether it was done with a second factor. */
export interface SignIn {
  person: Person;
  mfa: boolean;
}

/** What a code is bound to, as far as the authorization request named it. */
export interface CodeRequest {
  redirectUri?: string;
  scopes?: string[];
  nonce?: string;
  challenge?: { method: 'S256' | 'plain'; value: string };
}

interface RefreshToken extends SignIn {
  issuedAt: number;
  expiresAt: number;
  revokedAt?: number;
}

interface Code extends SignIn, CodeRequest {
  expiresAt: number;
  redeemed: boolean;
}

export interface Grants {
  issueCode(signIn: SignIn, request: CodeRequest): string;
  /** The scopes that a code was asked for with, if it is known and they are. */
  scopesOf(code: string): string[] | undefined;
  redeemCode(code: string, proof: { redirectUri?: string; verifier?: string }): SignIn & CodeRequest;
  issueRefreshToken(signIn: SignIn, lifetimeDays: number, value?: string): string;
  useRefreshToken(value: string): SignIn;
  revokeAll(): number;
  endRefreshToken(value: string): void;
  /** Every code and refresh token there ever was. */
  values(): string[];
}

/**
 * Returns the books of authorization codes and refresh tokens. A code is good for ten minutes and one use, with
 * the address and the proof key of its request: a verifier is wanted when there was a challenge, and wrong when there was
 * none. A refresh token is good for its days however often it is used, so that the one before a rotation works on until its own end.
 *
 * @throws {Refusal} from `redeemCode` and `useRefreshToken`
 * @see https://learn.microsoft.com/entra/identity-platform/refresh-tokens
 */
export function createGrants(clock: Clock): Grants {
  const codes = new Map<string, Code>();
  const refreshTokens = new Map<string, RefreshToken>();

  return {
    issueCode({ person, mfa }, request) {
      const value = `1.EmulatedCode.${randomBytes(32).toString('base64url')}`;
      codes.set(value, { ...request, person, mfa, expiresAt: clock.now() + CODE_LIFETIME_MS, redeemed: false });
      return value;
    },

    scopesOf(value) {
      return codes.get(value)?.scopes;
    },

    redeemCode(value, { redirectUri, verifier }) {
      const code = codes.get(value);
      if (code === undefined) throw malformedGrant();
      if (code.redeemed) throw redeemedCode();
      if (code.expiresAt <= clock.now()) throw expiredCode();
      if (code.redirectUri !== undefined && code.redirectUri !== redirectUri) {
        throw otherRedirect(redirectUri ?? '', code.redirectUri);
      }
      checkVerifier(code, verifier);
      code.redeemed = true;
      return code;
    },

    issueRefreshToken({ person, mfa }, lifetimeDays, value = `1.Emulated.${randomBytes(48).toString('base64url')}`) {
      const issuedAt = clock.now();
      refreshTokens.set(value, { person, mfa, issuedAt, expiresAt: issuedAt + lifetimeDays * DAY_MS });
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

function checkVerifier({ challenge }: Code, verifier: string | undefined): void {
  if (challenge === undefined && verifier === undefined) return;
  if (verifier === undefined) throw missingVerifier();
  const answer = challenge?.method === 'S256' ? createHash('sha256').update(verifier).digest('base64url') : verifier;
  if (challenge === undefined || answer !== challenge.value || !isVerifier(verifier)) throw otherVerifier();
}

function isVerifier(text: string): boolean {
  return /^[\w.~-]{43,128}$/.test(text);
}
