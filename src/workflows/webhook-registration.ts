import type { Alerts } from '../lib/alerts.ts';
import type { Log } from '../lib/log.ts';
import type { PartnerCenter } from '../upstreams/partner-center/client.ts';

export interface WebhookRegistrationParts {
  webhooks: Pick<PartnerCenter['webhooks'], 'register'>;
  /** Public address to which Partner Center is to deliver. */
  url: string;
  log: Log;
  alerts: Pick<Alerts, 'attention'>;
  /** How long to wait after so many failed tries in a row, in milliseconds. */
  backoffMs(attempts: number): number;
  /** Does something later, unless the process ends before. */
  later(work: () => Promise<void>, inMs: number): void;
}

export interface WebhookRegistration {
  /** Registers now, and again until it has succeeded. */
  start(): Promise<void>;
  isRegistered(): boolean;
  /** What operations should know: that it has not succeeded yet. */
  note(): string | undefined;
}

/** What Partner Center is asked to tell. */
const EVENTS = [
  'subscription-updated',
  'reseller-relationship-accepted-by-customer',
  'azure-fraud-event-detected',
  'usagerecords-thresholdExceeded',
  'test-created',
];
/** So many failures in a row are no passing trouble. */
const FAILURES_UNTIL_ALERT = 8;

/**
 * Has Partner Center tell of changes. Without its events they are found by the sweep only, so a failure is no reason not to work: it is
 * tried again with growing pauses, and a person is told once it goes on.
 *
 * @see https://learn.microsoft.com/partner-center/developer/partner-center-webhooks
 */
export function createWebhookRegistration(parts: WebhookRegistrationParts): WebhookRegistration {
  const { webhooks, url, log, alerts, backoffMs, later } = parts;
  let failures = 0;
  let isRegistered = false;

  async function register(): Promise<void> {
    try {
      const outcome = await webhooks.register({ url, events: EVENTS });
      failures = 0;
      isRegistered = true;
      log.info({ outcome }, "Partner Center's webhook is registered");
    } catch (error) {
      failures += 1;
      const retryInMs = backoffMs(failures);
      log.warn({ err: error, attempt: failures, retryInMs }, "Partner Center's webhook could not be registered");
      if (failures === FAILURES_UNTIL_ALERT) {
        alerts.attention({
          code: 'webhook.not-registered',
          message: `Partner Center's webhook could not be registered ${failures} times in a row, so that changes there are found by the sweep only. The log says why; it is tried again.`,
        });
      }
      later(register, retryInMs);
    }
  }

  return {
    start: register,
    isRegistered: () => isRegistered,
    note: () =>
      failures === 0
        ? undefined
        : "Partner Center's webhook is not registered: changes there are found by the sweep only. It is tried again.",
  };
}
