import type { Clock } from '../../lib/clock.ts';
import { ConnectorError, PermanentError, RetryableError } from '../../lib/errors.ts';
import { type Action, assertPossible, type Interventions, type Press } from '../interventions.ts';
import type { Records } from '../record.ts';
import type { Timeline } from '../timeline.ts';
import type { Audit } from './audit.ts';
import { standingStillFor } from './dead-letters.ts';

export interface PressesParts {
  records: Pick<Records, 'get' | 'all' | 'askLook' | 'askRetry'>;
  interventions: Interventions;
  timeline: Pick<Timeline, 'note'>;
  audit: Pick<Audit, 'add'>;
  quarantine: { discard(digest: string): Promise<boolean> };
  requestLook(subscriptionId: number, options?: { urgent?: boolean }): Promise<'queued' | 'backlog-full'>;
  clock: Clock;
}

/** What operations can press. Each press stands in the audit trail before anything of it is done. */
export interface Presses {
  /**
   * Carries out an action on a subscription. `look` also does for one of which nothing is known yet. Resolves with what became of the look
   * that follows. `backlog-full`: too many wait, so that the next sweep asks for it; what was held, released, detached or attached is so.
   *
   * @throws {PermanentError} `ops.unknown-subscription`, or as `assertPossible` does
   * @throws {RetryableError} `backlog.full` when too many looks wait for `look` or `retry`, `queue.unavailable` without Redis
   */
  act(action: Action, subscriptionId: number, press: Press): Promise<'queued' | 'backlog-full'>;
  /** Throws a quarantined body away. @throws {PermanentError} `ops.unknown-body` */
  discardQuarantined(digest: string, press: Press): Promise<void>;
  /**
   * Retries all that stand still for the reason with this code, those that have stood for longest first, at most 500 at once and none that
   * is held or detached. `left`: how many more there are, also when too many looks wait already.
   *
   * @throws {PermanentError} `ops.unknown-reason` when nothing stands still for it
   * @throws {RetryableError} as `act`, when nothing at all could be asked for
   */
  retryAll(code: string, press: Press): Promise<{ queued: number; left: number }>;
  /** Carries out anything else, in the audit trail as `action` on the subscription or the `target`. */
  audited<T>(
    what: { action: string; subscriptionId?: number; target?: string } & Press,
    work: () => Promise<T>,
  ): Promise<T>;
}

/** Creates the presses. */
export function createPresses(parts: PressesParts): Presses {
  const { records, interventions, timeline, audit, clock } = parts;
  const now = (): string => new Date(clock.now()).toISOString();

  async function audited<T>(
    what: { action: string; target?: string; subscriptionId?: number; subscriptionIds?: number[] } & Press,
    work: () => Promise<T>,
  ): Promise<T> {
    await audit.add({ at: now(), ...what, outcome: 'accepted' });
    try {
      return await work();
    } catch (error) {
      const code = error instanceof ConnectorError ? error.code : 'bug';
      await audit.add({ at: now(), ...what, outcome: 'failed', code });
      throw error;
    }
  }

  /** Who was refused what stands in the trail too. */
  async function orRefused(
    what: { action: string; subscriptionId?: number; target?: string } & Press,
    check: () => void,
  ): Promise<void> {
    try {
      check();
    } catch (error) {
      const code = error instanceof ConnectorError ? error.code : 'bug';
      await audit.add({ at: now(), ...what, outcome: 'refused', code });
      throw error;
    }
  }

  async function lookSoon(subscriptionId: number): Promise<'queued'> {
    const answer = await parts.requestLook(subscriptionId);
    if (answer !== 'queued') throw backlogFull();
    return answer;
  }

  /** What was decided is in force already: its look may come later. */
  async function lookOnceThereIsRoom(subscriptionId: number): Promise<'queued' | 'backlog-full'> {
    const answer = await parts.requestLook(subscriptionId);
    if (answer === 'backlog-full')
      await timeline.note(subscriptionId, { at: now(), kind: 'wait', text: LOOKED_AT_LATER });
    return answer;
  }

  const acts: Record<Action, (subscriptionId: number, press: Press) => Promise<'queued' | 'backlog-full'>> = {
    async look(subscriptionId) {
      await records.askLook(subscriptionId);
      return lookSoon(subscriptionId);
    },

    async retry(subscriptionId) {
      await records.askRetry(subscriptionId);
      return lookSoon(subscriptionId);
    },

    // The look that follows writes down where the subscription stands now.
    async hold(subscriptionId, press) {
      await interventions.set(subscriptionId, { kind: 'held', ...press, at: now() });
      return lookOnceThereIsRoom(subscriptionId);
    },

    async release(subscriptionId) {
      await interventions.lift(subscriptionId);
      return lookOnceThereIsRoom(subscriptionId);
    },

    async detach(subscriptionId, press) {
      await interventions.set(subscriptionId, { kind: 'detached', ...press, at: now() });
      return lookOnceThereIsRoom(subscriptionId);
    },

    async attach(subscriptionId) {
      await interventions.lift(subscriptionId);
      return lookOnceThereIsRoom(subscriptionId);
    },
  };

  return {
    async act(action, subscriptionId, press) {
      const isKnown = (await records.get(subscriptionId)) !== undefined;
      const intervention = await interventions.get(subscriptionId);
      await orRefused({ action, subscriptionId, ...press }, () => {
        if (!isKnown && action !== 'look') {
          const message = `Nothing is known of subscription ${subscriptionId}.`;
          throw new PermanentError('ops.unknown-subscription', message, { effect: 'none' });
        }
        assertPossible(action, subscriptionId, intervention);
      });
      return audited({ action, subscriptionId, ...press }, async () => {
        await timeline.note(subscriptionId, { at: now(), kind: 'operator', text: SAID[action], ...press });
        return acts[action](subscriptionId, press);
      });
    },

    discardQuarantined: (digest, press) =>
      audited({ action: 'discard', target: digest, ...press }, async () => {
        if (await parts.quarantine.discard(digest)) return;
        throw new PermanentError('ops.unknown-body', 'There is no such body in quarantine.', { effect: 'none' });
      }),

    async retryAll(code, press) {
      const decided = await interventions.all();
      const dead = (await standingStillFor(records, code)).filter((id) => !decided.has(id));
      await orRefused({ action: 'retry-all', target: code, ...press }, () => {
        if (dead.length > 0) return;
        const message = `Nothing that could be retried stands still for ${code}.`;
        throw new PermanentError('ops.unknown-reason', message, { effect: 'none' });
      });
      const subscriptionIds = dead.slice(0, NAMED);
      return audited({ action: 'retry-all', target: code, subscriptionIds, ...press }, async () => {
        let queued = 0;
        for (const subscriptionId of dead.slice(0, MOST_AT_ONCE)) {
          await records.askRetry(subscriptionId);
          // So many at once must not push aside what somebody waits for.
          if ((await parts.requestLook(subscriptionId, { urgent: false })) !== 'queued') break;
          const text = `operations asked to retry all that stand still for ${code}`;
          await timeline.note(subscriptionId, { at: now(), kind: 'operator', text, ...press });
          queued += 1;
        }
        if (queued === 0) throw backlogFull();
        return { queued, left: dead.length - queued };
      });
    },

    audited,
  };
}

/** Subscriptions that the trail names of a press on many. */
const NAMED = 50;
/** Retries that are asked for at once. */
const MOST_AT_ONCE = 500;

/** No more looks are taken for the time being. */
function backlogFull(): RetryableError {
  return new RetryableError('backlog.full', 'Too many subscriptions wait for a look; ask again in a minute.');
}

/** How the story of a subscription tells that the look after a decision has to wait. */
const LOOKED_AT_LATER = 'waits for the next sweep to ask for a look, since too many subscriptions wait for one';

/** How the story of a subscription tells of an action. */
const SAID: Record<Action, string> = {
  look: 'operations asked for a look',
  retry: 'operations asked to retry',
  hold: 'operations hold it: nothing is sent until it is released',
  release: 'operations released it',
  detach: 'operations detached it: the connector leaves it alone',
  attach: 'operations gave it back to the connector',
};
