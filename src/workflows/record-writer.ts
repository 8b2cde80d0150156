import type { Lane } from '../engine/journal.ts';
import type { AlertFacts, Alerts } from '../lib/alerts.ts';
import type { Clock } from '../lib/clock.ts';
import { compact } from '../lib/compact.ts';
import { ConnectorError, type Cure } from '../lib/errors.ts';
import { inOrder } from '../lib/foreign-text.ts';
import type { Wait } from '../lib/wait.ts';
import type { Measures } from './operations.ts';
import { matterOf, type RecordState, type Records, type SubscriptionRecord } from './record.ts';
import type { Timeline, TimelineEntry } from './timeline.ts';

/** What becomes of a record; `undefined` takes a fact away. */
export type Changes = { [field in keyof SubscriptionRecord]?: SubscriptionRecord[field] | undefined };

/** The record of the subscription that is looked at, and its story, kept as the look goes on. */
export interface RecordWriter {
  /** As it is now. */
  readonly record: SubscriptionRecord;
  /** Changes it, and stores it. */
  keep(changes: Changes): Promise<void>;
  /** Changes it here alone: it is stored with whatever is kept next. */
  foresee(changes: Changes): void;
  /** Stores where the subscription stands now. The timeline is told once: polls and tries that change nothing are no news. */
  standAt(state: RecordState, facts: Changes): Promise<void>;
  /** Adds a line to the story. */
  tell(kind: TimelineEntry['kind'], text: string, facts: Record<string, unknown>): Promise<void>;
  /** Wakes a person. */
  alert(error: ConnectorError): void;
  /** Wakes a person because of what does not hold up the order, and tells it in the story. */
  tellOperations(matter: { code: string; message: string }): Promise<void>;
  /** An unexpected failure: somebody has to mend the connector. */
  reportBug(error: unknown): void;
  /** Counts how the operation of the present run has ended. */
  measureOperation(outcome: 'done' | 'failed' | 'refused'): void;
}

export interface RecordWriterParts {
  lane: Lane;
  /** As it was stored; `undefined` when nothing is known yet. */
  stored: SubscriptionRecord | undefined;
  records: Pick<Records, 'put'>;
  timeline: Pick<Timeline, 'add'>;
  alerts: Pick<Alerts, 'attention' | 'bug'>;
  /** Absent where nothing is counted. */
  measures?: Measures | undefined;
  clock: Clock;
}

/** Whatever failed before is over once nothing is left to do. */
export const QUIET: Changes = {
  alerted: undefined,
  mistake: undefined,
  lastDone: undefined,
  told: undefined,
  attempts: 0,
  failingSince: undefined,
  troubledSince: undefined,
  lastError: undefined,
};

/** Begins with what is stored. */
export function createRecordWriter(parts: RecordWriterParts): RecordWriter {
  const { lane, stored, records, timeline, alerts, measures, clock } = parts;
  const { subscriptionId } = lane;
  const now = (): string => new Date(clock.now()).toISOString();
  let record: SubscriptionRecord = stored ?? { subscriptionId, state: 'idle', since: now(), attempts: 0 };
  let runsStored = runsOf(stored);

  return {
    get record() {
      return record;
    },
    keep,
    foresee,
    standAt,
    tell,
    alert,
    tellOperations,
    reportBug: (error) => alerts.bug(error, whereItStands()),
    measureOperation,
  };

  async function standAt(state: RecordState, facts: Changes): Promise<void> {
    const { lastError } = facts;
    // What others have given stands behind its beginning, which is ours.
    const waitingFor = facts.waitingFor && (inOrder(facts.waitingFor) as Wait);
    // The text of an error may change with every try, as the identifier of the call does.
    const news = lastError ? matterOf(lastError.code, record) : waitingFor;
    const isNews = news !== undefined && record.told !== news;
    await keep({
      heldUpSince: undefined,
      heldUpBy: undefined,
      before: undefined,
      nextTryAt: undefined,
      deadlineAt: undefined,
      ...facts,
      waitingFor,
      state,
      ...(record.state !== state && { since: facts.since ?? now() }),
      ...(isNews && { told: news }),
    });
    if (!isNews) return;
    if (lastError) await tell('error', lastError.message, { code: lastError.code, state });
    else await tell('wait', `waits for ${waitingFor}`, { state });
  }

  async function keep(changes: Changes): Promise<void> {
    foresee(changes);
    const runs = runsOf(record);
    await records.put(lane, record, { runsOver: runsStored.filter((runId) => !runs.includes(runId)) });
    runsStored = runs;
  }

  function foresee(changes: Changes): void {
    record = compact({ ...record, ...changes }) as SubscriptionRecord;
  }

  function tell(kind: TimelineEntry['kind'], text: string, facts: Record<string, unknown>): Promise<void> {
    return timeline.add(lane, { at: now(), kind, text: inOrder(text), ...facts });
  }

  function alert({ code, message, facts, cure }: ConnectorError): void {
    const text = cure === 'retry' ? `${message} ${THEN_RETRY}` : message;
    alerts.attention({ code, message: text, ...whereItStands(), ...(facts.upstream && { call: facts }) });
  }

  async function tellOperations({ code, message }: { code: string; message: string }): Promise<void> {
    alerts.attention({ code, message, ...whereItStands() });
    await tell('error', message, { code });
  }

  function whereItStands(): AlertFacts & { subscriptionId: number } {
    const { productType, step } = record;
    const operation = record.run?.operation;
    return {
      subscriptionId,
      ...(productType && { productType }),
      ...(operation && { operation }),
      ...(step && { step }),
    };
  }

  function measureOperation(outcome: 'done' | 'failed' | 'refused'): void {
    const { productType, run } = record;
    if (!productType || !run) return;
    const durationMs = clock.now() - Date.parse(run.startedAt);
    measures?.operation({ productType, operation: run.operation, outcome, durationMs });
  }
}

/** Ends what a person is told, where nothing goes on without that. */
export const THEN_RETRY = 'Then press retry.';

/** What a failure leaves in the record. `cure`: what a person presses then, where the error does not say it. */
export function lastErrorOf(error: unknown, at: string, cure?: Cure): Changes {
  const known = error instanceof ConnectorError ? error : undefined;
  const press = cure ?? known?.cure;
  return {
    lastError: {
      code: known?.code ?? 'bug',
      message: messageOf(error),
      at,
      ...(press === 'retry' && { cure: press }),
      ...(known?.curedBy && { curedBy: known.curedBy }),
    },
  };
}

export function messageOf(error: unknown): string {
  // The text of a foreign error may hold anything; its name is enough for the record, the rest is in Sentry.
  return error instanceof ConnectorError
    ? error.message
    : `unexpected ${error instanceof Error ? error.name : typeof error}`;
}

/** The runs that a record names. */
function runsOf({ run, aside }: Partial<SubscriptionRecord> = {}): string[] {
  return [run, aside].flatMap((one) => (one ? [one.id] : []));
}
