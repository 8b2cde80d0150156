import type { Clock } from '../core/clock.ts';

/** Who made something happen: the object id of the principal, and the ids of the call when it was one. */
export interface Cause {
  by: string;
  clientRequestId?: string;
  correlationId?: string;
}

export const AZURE: Cause = { by: 'azure' };
/** Partner Center, where the partner buys plans and cancels subscriptions. */
export const PARTNER_CENTER: Cause = { by: 'partner-center' };
/** A person in the Azure portal. */
export const PERSON: Cause = { by: 'person' };

export type Happening =
  | 'subscription created'
  | 'subscription cancelled'
  | 'subscription disabled'
  | 'subscription enabled'
  | 'subscription renamed'
  | 'subscription deleted'
  | 'alias requested'
  | 'alias deleted'
  | 'provider registered'
  | 'provider unregistered'
  | 'group created'
  | 'group changed'
  | 'group deletion started'
  | 'group deleted'
  | 'group deletion failed'
  | 'deployment started'
  | 'deployment ended'
  | 'deployment cancelled'
  | 'deployment deleted'
  | 'resource created'
  | 'resource changed'
  | 'resource deleted'
  | 'resource started'
  | 'resource stopped'
  | 'power action failed'
  | 'tags changed'
  | 'role assigned'
  | 'role removed'
  | 'lock set'
  | 'lock removed'
  | 'terms accepted'
  | 'terms cancelled'
  | 'budget set'
  | 'budget deleted';

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

/** The record of everything that was created, changed, started, stopped and deleted, in order. */
export function createBooks(clock: Clock): Books {
  let entries: Entry[] = [];
  return {
    write(what, cause, facts) {
      const entry: Entry = {
        seq: entries.length + 1,
        at: new Date(clock.now()).toISOString(),
        what,
        ...cause,
        ...facts,
      };
      entries.push(entry);
      return entry;
    },
    entries: () => structuredClone(entries),
    clear() {
      entries = [];
    },
  };
}
