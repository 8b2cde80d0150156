import { z } from 'zod';
import { AttentionError, type ConnectorError, type ErrorOptions, RetryableError } from '../../lib/errors.ts';
import { SIGN_IN } from '../../lib/sign-in.ts';
import type { Answer } from '../http.ts';
import { type Actor, mfaNeeded } from './errors.ts';

const Refusal = z.object({
  error: z
    .string()
    .regex(/^[a-z_]{1,40}$/)
    .catch('unknown'),
  error_codes: z.array(z.number()).catch([]),
});

/** https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
const MFA = [50072, 50074, 50076, 50079];
const NO_SERVICE_PRINCIPAL = [65001, 700016, 7000229];
const UNKNOWN_TENANT = [90002];
const CONSENT_GONE = ['invalid_grant', 'interaction_required', 'consent_required'];

/**
 * The meaning of a refusal of a token for Azure, by its AADSTS number. Entra ID's sentences may name people and are not
 * repeated. `undefined` for 408 and 5xx.
 *
 * @param isPartner whether the token was for the partner's own tenant
 */
export function tokenRefusalOf(answer: Answer, actor: Actor, isPartner: boolean): ConnectorError | undefined {
  if (answer.status === 408 || answer.status >= 500) return undefined;
  const { error, error_codes: numbers } = Refusal.catch({ error: 'unknown', error_codes: [] }).parse(answer.body);
  const reason = [error, ...numbers.map((number) => `AADSTS${number}`)].join(', ');
  const options: ErrorOptions = {
    facts: { ...answer.facts, upstreamCode: numbers[0] ? `AADSTS${numbers[0]}` : error },
    effect: 'none',
  };
  const has = (known: number[]): boolean => numbers.some((number) => known.includes(number));

  if (has(MFA) && actor === 'user') return mfaNeeded(`Entra ID gives no token (${reason}).`, options);
  if (has(NO_SERVICE_PRINCIPAL) && !isPartner) {
    const text = `The customer's tenant does not know our application (${reason}): consent is given through Partner Center and spreads within minutes. It is tried again; if that goes on, look for the application among the enterprise applications of the tenant.`;
    return new RetryableError('entra.no-service-principal', text, { ...options, retryAfterMs: 30_000 });
  }
  if (has(UNKNOWN_TENANT)) {
    const text = `Entra ID does not know the tenant (${reason}), which is usual in its first minutes. It is tried again.`;
    return new RetryableError('entra.tenant-unknown', text, { ...options, retryAfterMs: 60_000 });
  }
  if (error === 'temporarily_unavailable') {
    const text = `Entra ID is not available (${reason}). It is asked again by itself.`;
    return new RetryableError('entra.unavailable', text, options);
  }
  if (actor === 'user' && CONSENT_GONE.includes(error)) {
    const rights = has([65001])
      ? 'give the app registration the delegated permission user_impersonation of Azure Service Management with an administrator’s consent.'
      : SIGN_IN;
    const text = `The partner user's consent no longer holds (${reason}): ${rights}`;
    return new AttentionError('entra.consent-needed', text, options);
  }
  const text = `Entra ID refuses the application (${reason}): check PARTNER_CENTER_TENANT_ID, PARTNER_CENTER_CLIENT_ID and PARTNER_CENTER_CLIENT_SECRET, and whether the secret has expired.`;
  return new AttentionError('entra.app-refused', text, options);
}
