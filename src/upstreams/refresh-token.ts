import { AttentionError } from '../lib/errors.ts';
import { type Secret, withSecret } from '../lib/secret.ts';
import { FIRST_SIGN_IN } from '../lib/sign-in.ts';

/** Where the refresh token of the partner's user rests, which Entra ID replaces at each use: all clients that act for the user share it. */
export interface RefreshTokenStore {
  /** The newest one that came from the configured one; `undefined` when none was saved, or none that can be read. */
  load(configured: string | undefined): Promise<string | undefined>;
  save(token: string, configured: string | undefined): Promise<void>;
}

export interface Redeeming<T> {
  refreshTokens: RefreshTokenStore;
  /** The refresh token of the configuration. */
  seed: Secret | undefined;
  /** Whether a failure says that the refresh token is no longer valid. */
  isStale(error: unknown): boolean;
  /** @param origin the configured token that `refreshToken` came from */
  redeem(refreshToken: string, origin: string | undefined): Promise<T>;
  /** Who needs the user, as the beginning of a sentence. */
  whoNeeds: string;
}

/**
 * Redeems the newest refresh token there is: the stored one, which came from the configured one and so is newer; and the configured one
 * where nothing is stored or that is refused, since operations may have signed in anew.
 *
 * @throws {AttentionError} `entra.consent-missing` where neither is there
 */
export async function redeemNewest<T>(parts: Redeeming<T>): Promise<T> {
  const { refreshTokens, seed, isStale, redeem, whoNeeds } = parts;
  const configured = seed?.read();
  const stored = await refreshTokens.load(configured);
  if (stored !== undefined && stored !== configured) {
    try {
      return await redeem(stored, configured);
    } catch (error) {
      if (!seed || !isStale(error)) throw error;
    }
  }
  if (seed) return withSecret(seed, isStale, (token) => redeem(token, token));
  throw new AttentionError(
    'entra.consent-missing',
    `${whoNeeds} a user of the partner, and no refresh token is configured: ${FIRST_SIGN_IN}`,
    { effect: 'none', curedBy: 'setting' },
  );
}
