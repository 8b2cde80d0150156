import { read } from './api.js';
import { standingSince } from './why.js';

/* What stands still for one reason: one sentence for all of it. */

/** @typedef {import('./api.js').DeadLetterList['items'][number]} Letters */
/** @typedef {{ why: string, since: string, cure: 'look' | 'retry' }} Reason `since`: of the first of them; `cure`: what to press */

/** What was last read, and for which reasons: it changes with those only. @type {{ for: string, reasons: Map<string, Reason> }} */
let last = { for: '', reasons: new Map() };

/** @param {Pick<Letters, 'code' | 'state'>} letters */
export function keyOf({ code, state }) {
  return `${state} ${code}`;
}

/**
 * Why they stand, by `keyOf`, in the words of one subscription that stands still for it.
 *
 * @param {import('./api.js').DeadLetterList} letters
 * @returns {Promise<Map<string, Reason>>}
 */
export async function reasonsOf({ items }) {
  const asked = JSON.stringify(items.map(({ code, state, count, oldestAt }) => [code, state, count, oldestAt]));
  if (last.for === asked) return last.reasons;
  const states = new Set(items.map(({ state }) => state).filter((state) => state !== 'quarantined'));
  /** @type {import('./api.js').Page<import('./api.js').Subscription>[]} */
  const lists = await Promise.all([...states].map((state) => read('/subscriptions', { state })));
  /** @type {Map<string, Reason>} */
  const reasons = new Map();
  for (const found of lists.flatMap((list) => list.items)) {
    const { state, lastError, why } = found;
    if (!lastError || !why) continue;
    const key = `${state} ${lastError.code}`;
    const since = standingSince(found);
    const known = reasons.get(key);
    reasons.set(key, { why, cure: lastError.cure, since: known && known.since < since ? known.since : since });
  }
  last = { for: asked, reasons };
  return reasons;
}
