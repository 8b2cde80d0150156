import type { Clock } from '../core/clock.ts';
import { printInstant } from './calendar.ts';

/** Who made something happen. The ids are those of the HTTP call when it was one. */
export interface Cause {
  by: 'partner' | 'customer' | 'microsoft' | 'admin';
  requestId?: string;
  correlationId?: string;
}

export const MICROSOFT: Cause = { by: 'microsoft' };
export const CUSTOMER: Cause = { by: 'customer' };
/** A person in the Partner Center portal. */
export const ADMIN: Cause = { by: 'admin' };

export type Happening =
  | 'customer created'
  | 'customer changed'
  | 'customer deleted'
  | 'relationship accepted'
  | 'relationship removed'
  | 'qualification requested'
  | 'attestation created'
  | 'attestation accepted'
  | 'attestation expired'
  | 'agreement created'
  | 'agreement signed directly'
  | 'cart created'
  | 'cart changed'
  | 'order placed'
  | 'order refused'
  | 'order settled'
  | 'order cancelled'
  | 'subscription created'
  | 'subscription changed'
  | 'subscription renewed'
  | 'subscription extended'
  | 'subscription ended'
  | 'subscription transitioned'
  | 'entitlement created'
  | 'entitlement cancelled'
  | 'entitlement reactivated'
  | 'application consented'
  | 'consent removed'
  | 'budget changed'
  | 'webhook registered'
  | 'webhook delivered'
  | 'webhook failed';

/** One thing that happened; `seq` counts from 1, `at` is virtual time, further fields depend on `what`. */
export interface Entry extends Cause {
  seq: number;
  at: string;
  what: Happening;
  [fact: string]: unknown;
}

export interface Books {
  write(what: Happening, cause: Cause, facts: Record<string, unknown>): Entry;
  entries(): Entry[];
  clear(): void;
}

/** The record of everything that was created, bought, changed, cancelled or delivered, in order. */
export function createBooks(clock: Clock): Books {
  let entries: Entry[] = [];
  return {
    write(what, cause, facts) {
      const entry: Entry = { seq: entries.length + 1, at: printInstant(clock.now()), what, ...cause, ...facts };
      entries.push(entry);
      return entry;
    },
    entries: () => structuredClone(entries),
    clear() {
      entries = [];
    },
  };
}
