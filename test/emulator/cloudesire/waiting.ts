import { isDeepStrictEqual } from 'node:util';
import type { BookEntry, DeploymentStatus, Subscription } from './model.ts';
import { pick, type State } from './state.ts';

/**
 * Resolves with the first line of the books, past or to come, whose fields are as in `wanted`.
 *
 * @throws {Error} (a rejection) after `withinRealMs` of real time
 */
export function whenBooked(state: State, wanted: Partial<BookEntry>, withinRealMs: number): Promise<BookEntry> {
  const isWanted = (entry: BookEntry) =>
    Object.entries(wanted).every(([field, value]) => isDeepStrictEqual(entry[field], value));
  const known = state.books.find(isWanted);
  if (known !== undefined) return Promise.resolve(known);
  return nextEntry(
    state,
    isWanted,
    withinRealMs,
    () => `The books have no line with ${JSON.stringify(wanted)} after ${withinRealMs} ms.`,
  );
}

/**
 * Resolves with the subscription as soon as its status is one of `wanted`, at once if it is already.
 *
 * @throws {Error} (a rejection) after `withinRealMs` of real time; its message tells the way of the subscription so far
 */
export async function whenStatus(
  state: State,
  id: number,
  wanted: DeploymentStatus | DeploymentStatus[],
  withinRealMs: number,
): Promise<Subscription> {
  const statuses = [wanted].flat();
  const subscription = pick(state.subscriptions, 'Subscription', id);
  if (statuses.includes(subscription.deploymentStatus)) return subscription;
  const isReached = ({ what, ...entry }: BookEntry) =>
    what === 'status-changed' && entry.subscription === id && statuses.includes(entry.to as DeploymentStatus);
  await nextEntry(state, isReached, withinRealMs, () => {
    const way = subscription.statusHistory.map(({ to, by }) => `${to} by ${by}`).join(', ');
    return `Subscription ${id} is not ${statuses.join(' or ')} after ${withinRealMs} ms; it became ${way}.`;
  });
  return subscription;
}

function nextEntry(
  state: State,
  isWanted: (entry: BookEntry) => boolean,
  withinRealMs: number,
  complaint: () => string,
): Promise<BookEntry> {
  return new Promise((resolve, reject) => {
    const stopListening = state.onNote((entry) => {
      if (!isWanted(entry)) return;
      clearTimeout(timer);
      stopListening();
      resolve(entry);
    });
    const timer = setTimeout(() => {
      stopListening();
      reject(new Error(complaint()));
    }, withinRealMs);
  });
}
