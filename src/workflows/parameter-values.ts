import { aborted } from '../lib/aborted.ts';
import type { Alerts } from '../lib/alerts.ts';
import { ConnectorError } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';

/** What the marketplace asks while a customer fills in the parameters of an order. */
export interface AskedValues {
  /** Code of the parameter whose values are asked for. */
  parameter: string;
  /** What has been entered so far, by code. May hold secrets. */
  parameters: Record<string, string>;
  planId?: number | undefined;
  buyerId?: number | undefined;
  /** Two letters. */
  language?: string | undefined;
}

export interface ParameterValue {
  value: string;
  description: string;
}

/** The values for the parameters that it knows, best first, or null where all are allowed; undefined for any other parameter. */
export type Suggestion = (asked: AskedValues) => Promise<ParameterValue[] | null> | undefined;

/**
 * Returns the values that a customer may choose for a parameter, by the first of the suggestions that knows it, or null where everything is
 * allowed, whenever the signal aborts before they are found, and whenever they cannot be found.
 *
 * @see https://docs.cloudesire.com/docs/external-configuration-parameter-values.html
 */
export function createParameterValues(
  suggestions: readonly Suggestion[],
  { log, alerts }: { log: Log; alerts: Pick<Alerts, 'bug'> },
): (asked: AskedValues, signal: AbortSignal) => Promise<ParameterValue[] | null> {
  return async (asked, signal) => {
    try {
      for (const suggest of suggestions) {
        const values = suggest(asked);
        if (values) return await Promise.race([values, aborted(signal)]);
      }
      return null;
    } catch (error) {
      const { parameter, buyerId, planId } = asked;
      if (signal.aborted || error instanceof ConnectorError)
        log.warn({ err: error, parameter, buyerId, planId }, 'values could not be suggested');
      else alerts.bug(error);
      return null;
    }
  };
}
