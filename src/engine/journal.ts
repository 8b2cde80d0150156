/** What is remembered of one step of a run. `prepared` holds the idempotency key, stored before the call is sent. */
export type JournalEntry =
  | { state: 'sent'; prepared: unknown; firstSentAt: number; sends: number }
  | { state: 'polling'; since: number; looks: number }
  | { state: 'done'; result: unknown; at: number };

/** The memory of runs. Every write carries the lane's fence and fails once another worker holds the lane. */
export interface Journal {
  load(runId: string): Promise<Map<string, JournalEntry>>;
  write(lane: Lane, runId: string, step: string, entry: JournalEntry): Promise<void>;
  forget(lane: Lane, runId: string, step: string): Promise<void>;
}

/** The right to work on one subscription. A new look takes a higher fence, which makes every older one powerless. */
export interface Lane {
  subscriptionId: number;
  fence: number;
  /** Aborted when this process is asked to stop or lost the job. */
  signal: AbortSignal;
  /** @throws {LaneLostError} once another worker has taken the lane */
  assertHeld(): Promise<void>;
}

/** Another worker has taken the subscription over: nothing more may be written, here or upstream. */
export class LaneLostError extends Error {
  constructor(subscriptionId: number) {
    super(`Subscription ${subscriptionId} is now worked on by another worker; this look ends without a further write.`);
    this.name = 'LaneLostError';
  }
}
