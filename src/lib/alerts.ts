import { type Log, scrub } from './log.ts';

/** What a person of operations is told. Identifiers only: all of it is logged and leaves the house as tags. */
export interface AlertFacts {
  subscriptionId?: number;
  productType?: string;
  operation?: string;
  step?: string;
  /** Pattern of the HTTP route that failed, e.g. `/event`. */
  route?: string;
  /** The upstream's identifier of the call, to quote to its support. */
  correlationId?: string;
}

/** How alerts of the same matter are told apart and grouped. */
export interface CaptureContext {
  level: 'info' | 'warning' | 'error';
  tags: Record<string, string>;
  fingerprint?: string[];
}

export interface AlertParts {
  log: Log;
  /** Sends an error to the service that wakes people up; without it the log has to do. */
  capture?: (error: Error, context: CaptureContext) => unknown;
  /** Counts an alert by its code. */
  count: (code: string) => void;
}

export interface Alerts {
  /** Only a person can cure it: logged, counted, and captured as one matter per code and subscription. */
  attention(facts: AlertFacts & { code: string; message: string }): void;
  /** Something that a person was told about is over: logged, and captured beside it under the same code. */
  over(matter: { code: string; message: string }): void;
  /** A mistake of ours: logged with its stack, counted as `bug`, and captured as one matter per place in the code. */
  bug(error: unknown, facts?: AlertFacts): void;
}

/** Creates the one way in which parts of the service ask for a person. */
export function createAlerts({ log, capture, count }: AlertParts): Alerts {
  return {
    attention({ code, message, ...facts }) {
      log.error({ code, reason: message, ...facts }, 'a person has to look');
      count(code);
      capture?.(named(code, message), {
        level: 'warning',
        tags: toTags({ code, ...facts }),
        fingerprint: [code, String(facts.subscriptionId ?? 'service')],
      });
    },

    over({ code, message }) {
      log.info({ code, reason: message }, 'a matter is over');
      capture?.(named(code, message), { level: 'info', tags: { code }, fingerprint: [code, 'over'] });
    },

    bug(error, facts = {}) {
      const thrown = error instanceof Error ? error : new Error('Something was thrown that is no Error.');
      log.error({ err: thrown, ...facts }, 'bug');
      count('bug');
      capture?.(thrown, { level: 'error', tags: toTags({ code: 'bug', ...facts }) });
    },
  };
}

/** An error that is titled by its code, since the place that raised the alert says nothing about the matter. */
function named(code: string, message: string): Error {
  const error = new Error(scrub(message));
  error.name = code;
  return error;
}

function toTags(facts: AlertFacts & { code: string }): Record<string, string> {
  return Object.fromEntries(
    Object.entries(facts)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, scrub(String(value))]),
  );
}
