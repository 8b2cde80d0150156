/** The last sweep that came to its end. */
export interface FinishedSweep {
  /** ISO instant. */
  finishedAt: string;
  durationMs: number;
  /** Living subscriptions that the marketplace listed. */
  listed: number;
  /** Looks that were asked for. */
  looks: number;
}

export interface SweepLog {
  note(sweep: FinishedSweep): Promise<void>;
  last(): Promise<FinishedSweep | undefined>;
  /** ISO date on which it was last seen to that what has ended does not renew. */
  exposuresSeenOn(): Promise<string | undefined>;
  noteExposuresSeen(day: string): Promise<void>;
}
