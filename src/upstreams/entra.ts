import { z } from 'zod';
import { AttentionError, type ErrorOptions, RetryableError } from '../lib/errors.ts';
import { SIGN_IN } from '../lib/sign-in.ts';
import type { Answer } from './http.ts';

/* What Entra ID means when it gives no token: the same for whatever the token was to be for. */

/** A refusal of a token. The sentences of Entra ID may name people and are not repeated. */
export interface TokenRefusal {
  /** Error code of OAuth, such as `invalid_grant`. */
  error: string;
  /** Error numbers of Entra ID, without `AADSTS`. */
  numbers: number[];
  /** Both, as people search for them. */
  reason: string;
  /** For the error that it becomes. */
  options: ErrorOptions;
}

const Refusal = z.object({
  error: z
    .string()
    .regex(/^[a-z_]{1,40}$/)
    .catch('unknown'),
  error_codes: z.array(z.number()).catch([]),
});

/**
 * Reads a refusal. `undefined` for 408 and 5xx, which refuse nothing.
 *
 * @see https://learn.microsoft.com/entra/identity-platform/reference-error-codes
 */
export function readTokenRefusal({ status, body, facts }: Answer): TokenRefusal | undefined {
  if (status === 408 || status >= 500) return undefined;
  const { error, error_codes: numbers } = Refusal.catch({ error: 'unknown', error_codes: [] }).parse(body);
  const upstreamCode = numbers[0] ? `AADSTS${numbers[0]}` : error;
  const reason = [error, ...numbers.map((number) => `AADSTS${number}`)].join(', ');
  return { error, numbers, reason, options: { facts: { ...facts, upstreamCode }, effect: 'none' } };
}

/** Whether a user's sign-in no longer holds. */
export function isOfConsent({ error }: TokenRefusal): boolean {
  return ['invalid_grant', 'interaction_required', 'consent_required'].includes(error);
}

/** @param cure whole sentence without its beginning, where it is another one than to sign in */
export function consentNeeded({ reason, options }: TokenRefusal, cure?: string): AttentionError {
  return new AttentionError(
    'entra.consent-needed',
    `The partner user's consent no longer holds (${reason}): ${cure ?? SIGN_IN}`,
    cure === undefined ? { ...options, curedBy: 'setting' } : options,
  );
}

/** The meaning of what concerns neither a user nor a tenant. */
export function refusalOfApp({ error, reason, options }: TokenRefusal): AttentionError | RetryableError {
  if (error === 'temporarily_unavailable') {
    const text = `Entra ID is not available (${reason}).`;
    return new RetryableError('entra.unavailable', text, options);
  }
  const text = `Entra ID refuses the application (${reason}): check PARTNER_CENTER_TENANT_ID, PARTNER_CENTER_CLIENT_ID and PARTNER_CENTER_CLIENT_SECRET, and whether the secret has expired.`;
  return new AttentionError('entra.app-refused', text, options);
}

/** Whether a failure is that of a secret that may have been replaced. */
export function isAppRefused(error: unknown): boolean {
  return error instanceof AttentionError && error.code === 'entra.app-refused';
}
