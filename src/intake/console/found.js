import { Refused, read } from './api.js';
import { counted, stateName } from './parts.js';
import { clockOf } from './time.js';

/* What the looks have found that somebody has asked for. */

const ASK_EVERY_MS = 1_000;
const ASKS = 25;
const STUCK = ['needs-attention', 'failed', 'retrying'];

/** @typedef {import('./api.js').Story} Story */
/** @typedef {{ story?: Story | undefined, pressedAt: string, lookedAt?: string | undefined, isOver: boolean }} Follow */

/**
 * What a subscription stands still for, to be compared with what a look finds then; `undefined` when that cannot be said.
 *
 * @param {number} id
 * @returns {Promise<string | undefined>}
 */
export async function codeOf(id) {
  /** @type {Story | undefined} */
  const story = await read(`/subscriptions/${id}`).catch(() => undefined);
  return story && STUCK.includes(story.state) ? story.lastError?.code : undefined;
}

/**
 * One sentence of what was found, once all of them were looked at since somebody has last pressed something there, or after half a minute.
 *
 * @param {number[]} ids
 * @param {string | undefined} code why they stood still before
 * @param {() => boolean} isWanted until it is not
 */
export async function foundBy(ids, code, isWanted) {
  /** @type {Map<number, Follow>} */
  const follows = new Map(ids.map((id) => [id, { pressedAt: '', isOver: false }]));
  for (let asks = 0; asks < ASKS && isWanted(); asks += 1) {
    await new Promise((resolve) => setTimeout(resolve, ASK_EVERY_MS));
    const open = [...follows].filter(([, { isOver }]) => !isOver);
    await Promise.all(open.map(async ([id, before]) => follows.set(id, await readAnew(id, before))));
    if ([...follows.values()].every(({ isOver }) => isOver)) break;
  }
  const all = [...follows.values()];
  const [only] = all;
  return all.length === 1 && only ? `${ids[0]}: ${sentenceOf(only, code)}` : sumOf(all, code);
}

/**
 * @param {number} id
 * @param {Follow} before
 * @returns {Promise<Follow>}
 */
async function readAnew(id, before) {
  /** @type {Story | undefined} */
  const story = await read(`/subscriptions/${id}`).catch((error) => {
    if (error instanceof Refused && error.status === 404) return undefined;
    throw error;
  });
  if (!story) return before;
  const { timeline, lastError, state, queuedSince } = story;
  const pressedAt = timeline.find(({ kind }) => kind === 'operator')?.at ?? '';
  const told = timeline.find(({ kind }) => kind !== 'operator' && kind !== 'event')?.at ?? '';
  const newest = lastError && lastError.at > told ? lastError.at : told;
  const lookedAt = newest > pressedAt ? newest : undefined;
  // An error ends a look; without one it is over when nothing more is heard of it.
  const hasFailed = lastError !== null && lastError.at > pressedAt && STUCK.includes(state);
  const isQuiet = lookedAt !== undefined && lookedAt === before.lookedAt && state !== 'running' && queuedSince === null;
  return { story, pressedAt, lookedAt, isOver: hasFailed || isQuiet };
}

/** @param {Follow} follow @param {string | undefined} code before */
function sentenceOf({ story, lookedAt, isOver }, code) {
  if (!story) return 'nothing has come of it yet: no worker has looked, or it is no product of Microsoft.';
  const { state, lastError, waitingFor, held, detached } = story;
  if (detached) return 'it is left alone.';
  if (held) return 'nothing is sent for it.';
  if (!lookedAt && story.queuedSince)
    return `not looked at yet: the look waits for a worker, since ${clockOf(Date.parse(story.queuedSince))}.`;
  if (!lookedAt) return 'not looked at yet: it waits for a worker, or for a limit.';
  const at = `looked at ${clockOf(Date.parse(lookedAt))}`;
  if (lastError && STUCK.includes(state)) {
    const still = lastError.code === code ? 'still' : 'now';
    return `${at}: ${still} ${stateName(state)}, ${lastError.code}.`;
  }
  if (state === 'done') return `${at}: in order.`;
  if (state === 'running' || !isOver) return `${at}: it is at work.`;
  return waitingFor ? `${at}: it waits for ${waitingFor}.` : `${at}: ${stateName(state)}.`;
}

/** @param {Follow[]} follows @param {string | undefined} code before */
function sumOf(follows, code) {
  const looked = follows.filter(({ lookedAt }) => lookedAt !== undefined);
  const stuck = looked.flatMap(({ story }) => (story && STUCK.includes(story.state) ? [story.lastError?.code] : []));
  const others = stuck.filter((one) => one !== code);
  const last = looked
    .map(({ lookedAt = '' }) => lookedAt)
    .sort()
    .at(-1);
  const at = last ? `Looked at ${clockOf(Date.parse(last))}: ` : '';
  const parts = [
    looked.length > stuck.length && `${counted(looked.length - stuck.length, 'goes', 'go')} on`,
    stuck.length > others.length && `${counted(stuck.length - others.length, 'stands', 'stand')} still as before`,
    others.length > 0 &&
      `${counted(others.length, 'stands', 'stand')} still, now for ${[...new Set(others)].join(', ')}`,
    follows.length > looked.length && `${counted(follows.length - looked.length, 'waits', 'wait')} for the look`,
  ];
  return `${at}${parts.filter(Boolean).join(', ')}.`;
}
