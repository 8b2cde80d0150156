import type { Press } from '../interventions.ts';

/** One line of the audit trail: what operations have changed. */
export interface AuditEntry extends Press {
  /** ISO instant. */
  at: string;
  /** `look`, `retry`, `hold` … */
  action: string;
  subscriptionId?: number;
  /** What it was done to, where that is no subscription: the digest of a quarantined body, a reason code. */
  target?: string;
  /** Of a press on many: the first of the subscriptions that it reaches, in the order in which they are taken up. */
  subscriptionIds?: number[];
  /**
   * `accepted` is written before anything is done; what then fails has a second line that says with which code. `refused`: it did not fit how
   * things stood, and nothing was done.
   */
  outcome: 'accepted' | 'failed' | 'refused';
  code?: string;
}

/** The audit trail. Nothing is ever changed in it. */
export interface Audit {
  add(entry: AuditEntry): Promise<void>;
  /** Newest first; pages count from 1. */
  list(query: {
    page: number;
    pageSize: number;
    subscriptionId?: number;
  }): Promise<{ items: AuditEntry[]; total: number }>;
}
