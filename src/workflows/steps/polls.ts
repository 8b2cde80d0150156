import type { PollPlan } from '../../engine/workflow.ts';

/**
 * How waits are looked at: after a first pause that is the default one divided by `firstBy`, then in pauses that grow by `factor`, up to
 * `longest` times the default one. What shows within seconds is looked at early; the longer something may take, the rarer it is asked for
 * in the end.
 */
const RHYTHMS = {
  /** What is there at the second look, if not at the first. */
  moments: { firstBy: 3, factor: 1.5, longest: 1 },
  /** What Microsoft has mostly done within a minute. */
  soon: { firstBy: 3, factor: 1.5, longest: 4 },
  /** A change that shows within minutes, or later on bad days. */
  change: { firstBy: 3, factor: 1.5, longest: 20 },
  /** What is mostly there at once, and hours later where somebody has to review it. */
  purchase: { firstBy: 3, factor: 1.5, longest: 60 },
  /** Work that takes minutes by its nature, such as that of Azure. */
  work: { firstBy: 1, factor: 1.2, longest: 4 },
  /** What is known a little later, and not worth many calls. */
  detail: { firstBy: 1, factor: 2, longest: 16 },
  /** What a person has to do. */
  person: { firstBy: 1, factor: 1.5, longest: 60 },
  /** What may take days. */
  days: { firstBy: 1, factor: 2, longest: 240 },
  /** Another order, which goes on by itself. */
  turn: { firstBy: 1, factor: 1, longest: 1 },
} as const;

/** The plan of a wait of this kind; `pollEveryMs` is the default pause between two looks. */
export function pollPlan(
  rhythm: keyof typeof RHYTHMS,
  pollEveryMs: number,
  waitingFor: PollPlan['waitingFor'],
): PollPlan {
  const { firstBy, factor, longest } = RHYTHMS[rhythm];
  return { firstMs: pollEveryMs / firstBy, factor, longestMs: longest * pollEveryMs, waitingFor };
}
