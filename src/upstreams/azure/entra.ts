import { type ConnectorError, RetryableError } from '../../lib/errors.ts';
import { consentNeeded, isOfConsent, readTokenRefusal, refusalOfApp } from '../entra.ts';
import type { Answer } from '../http.ts';
import { type Actor, mfaNeeded } from './errors.ts';

/** https://learn.microsoft.com/entra/identity-platform/reference-error-codes */
const MFA = [50072, 50074, 50076, 50079];
const NO_CONSENT = 65001;
const NO_SERVICE_PRINCIPAL = [NO_CONSENT, 700016, 7000229];
const UNKNOWN_TENANT = [90002];

/**
 * The meaning of a refusal of a token for Azure, which depends on whose tenant it was to be for. `undefined` for 408 and 5xx.
 *
 * @param isPartner whether the token was for the partner's own tenant
 */
export function tokenRefusalOf(answer: Answer, actor: Actor, isPartner: boolean): ConnectorError | undefined {
  const refusal = readTokenRefusal(answer);
  if (!refusal) return undefined;
  const { numbers, reason, options } = refusal;
  const has = (known: number[]): boolean => numbers.some((number) => known.includes(number));

  if (has(MFA) && actor === 'user') return mfaNeeded(`Entra ID gives no token (${reason}).`, options);
  if (has(NO_SERVICE_PRINCIPAL) && !isPartner) {
    const text = `The customer's tenant does not know our application (${reason}): consent is given through Partner Center and spreads within minutes. If that goes on, look for the application among the enterprise applications of the tenant.`;
    return new RetryableError('entra.no-service-principal', text, { ...options, retryAfterMs: 30_000 });
  }
  if (has(UNKNOWN_TENANT)) {
    const text = `Entra ID does not know the tenant (${reason}), which is usual in its first minutes.`;
    return new RetryableError('entra.tenant-unknown', text, { ...options, retryAfterMs: 60_000 });
  }
  if (actor === 'user' && isOfConsent(refusal)) {
    const rights =
      'give the app registration the delegated permission user_impersonation of Azure Service Management with an administrator’s consent.';
    return consentNeeded(refusal, has([NO_CONSENT]) ? rights : undefined);
  }
  return refusalOfApp(refusal);
}
