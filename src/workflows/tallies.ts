import type { ProductType } from './operations.ts';
import type { RecordState } from './record.ts';

/** How many records stand alike. */
export interface Tally {
  productType: ProductType | 'unknown';
  state: RecordState;
  /** The code of the reason where it stands still, what kind of thing it waits for where it waits, else empty. */
  why: string;
  count: number;
}

/** What one subscription that was ended goes on costing. */
export interface ExposedCost {
  /** Last day of the paid term; absent when Microsoft did not say. */
  until?: string;
  /** Of all seats, before tax, for one billing period; absent when Microsoft did not say. */
  cost?: { amount: number; currency: string };
}

/** Counts of the records, kept with every write of one. Asking takes the same time however many there are. */
export interface Tallies {
  read(): Promise<Tally[]>;
  /** Of every subscription that was ended and that Microsoft has gone on charging. */
  exposedCosts(): Promise<ExposedCost[]>;
  /** Since when the one has waited that has waited longest for a customer to do this, in milliseconds since the epoch. */
  waitingSince(forWhat: CustomersTurn): Promise<number | undefined>;
  /** Counts anew what was written by a version that does not count, or does it otherwise. */
  repair(): Promise<void>;
}

/** What a customer is waited for: to accept the Microsoft Customer Agreement, or the invitation of the partner. */
export type CustomersTurn = 'agreement' | 'invitation';
