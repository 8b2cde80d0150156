import { chaptersOf } from './chapters.js';
import { h } from './dom.js';
import { copyable, counted, sentence, upstreamName } from './parts.js';
import { ago, clockTime } from './time.js';

/** @typedef {import('./api.js').Story['timeline'][number]} Entry */
/** @typedef {import('./chapters.js').Chapter<Entry>} Chapter */

/** @type {Record<string, string>} */
const KINDS = {
  event: 'event',
  look: 'look',
  decision: 'decision',
  step: 'step',
  wait: 'waits',
  error: 'error',
  report: 'told',
  operator: 'pressed',
};

/**
 * The story of a subscription, newest first. Folded are the calls to upstreams, what repeats itself, and the steps of what has come to its end.
 *
 * @param {Entry[]} timeline
 */
export function story(timeline) {
  if (timeline.length === 0) return h('p', { class: 'nothing' }, 'Nothing yet.');
  return h('ol', { class: 'story' }, ...linesOf(chaptersOf(timeline)));
}

/**
 * @param {Chapter[]} chapters
 * @returns {HTMLElement[]}
 */
function linesOf(chapters) {
  const lines = [];
  for (let at = 0; at < chapters.length; at += 1) {
    const chapter = /** @type {Chapter} */ (chapters[at]);
    const inner = chapters.slice(at + 1, endOf(chapters, at) + 1);
    lines.push(told(chapter, inner));
    at += inner.length;
  }
  return lines;
}

/** Where that began whose end stands here; the same place when nothing ends here. @param {Chapter[]} chapters @param {number} at */
function endOf(chapters, at) {
  /** @param {Chapter | undefined} chapter */
  const decided = (chapter) => (chapter?.entries[0]?.kind === 'decision' ? chapter.entries[0].text : '');
  const [, what] = /^(\S+) is done$/.exec(decided(chapters[at])) ?? [];
  const began = what ? chapters.findIndex((chapter, later) => later > at && decided(chapter) === `${what} begins`) : -1;
  return Math.max(began, at);
}

/**
 * @param {Chapter} chapter
 * @param {Chapter[]} inner what has led to it
 */
function told({ entries, calls }, inner) {
  const [head] = entries;
  if (!head) return callsLine(calls);
  const oldest = entries.at(-1) ?? head;
  return h(
    'li',
    { class: `kind-${head.kind}`, 'data-key': `${oldest.at} ${head.kind} ${oldest.text}` },
    h('span', { class: 'when' }, ago(head.at)),
    h('span', { class: 'kind' }, KINDS[head.kind] ?? head.kind),
    h(
      'div',
      {},
      h('p', {}, sentence(head.text), aside(head)),
      entries.length > 1 &&
        h(
          'details',
          {},
          h('summary', {}, `${entries.length} times, first `, ago(oldest.at)),
          h(
            'ul',
            { class: 'plain' },
            ...entries.map((entry) =>
              h('li', { 'data-key': entry.at }, clockTime(entry.at), ` ${entry.text}`, aside(entry)),
            ),
          ),
        ),
      calls.length > 0 && callsFolded(calls),
      inner.length > 0 && innerFolded(inner),
    ),
  );
}

/** @param {Chapter[]} inner */
function innerFolded(inner) {
  const heads = inner.flatMap(({ entries }) => entries.slice(0, 1));
  const steps = heads.filter(({ kind }) => kind === 'step').length;
  const errors = heads.filter(({ kind }) => kind === 'error').length;
  const [first] = heads.slice(-1);
  return h(
    'details',
    {},
    h(
      'summary',
      {},
      counted(steps, 'step'),
      first && [', began ', ago(first.at)],
      errors > 0 && h('strong', { class: 'failed' }, `, ${counted(errors, 'error')}`),
    ),
    h('ol', { class: 'story' }, ...linesOf(inner)),
  );
}

/** What else an entry says. @param {Entry} entry */
function aside({ kind, by, reason, code, durationMs }) {
  if (kind === 'operator') {
    return h(
      'span',
      { class: 'aside' },
      ` ${typeof by === 'string' ? by : ''}: ${typeof reason === 'string' ? reason : ''}`,
    );
  }
  if (typeof code === 'string') return h('span', { class: 'aside' }, ' ', h('code', {}, code));
  if (typeof durationMs === 'number' && durationMs >= 1_000) {
    return h('span', { class: 'aside' }, ` ${(durationMs / 1_000).toFixed(1)} s`);
  }
  return undefined;
}

/** @param {Entry[]} calls newest first */
function callsLine(calls) {
  const [newest] = calls;
  const oldest = calls.at(-1);
  return h(
    'li',
    { class: 'kind-call', 'data-key': `calls ${oldest?.at} ${String(oldest?.correlationId)}` },
    h('span', { class: 'when' }, newest && ago(newest.at)),
    h('span', { class: 'kind' }, 'calls'),
    h('div', {}, callsFolded(calls)),
  );
}

/** @param {Entry[]} calls */
function callsFolded(calls) {
  const upstreams = [...new Set(calls.map(({ upstream }) => upstreamName(String(upstream))))].join(', ');
  const failed = calls.filter(isFailed).length;
  return h(
    'details',
    {},
    h(
      'summary',
      {},
      `${counted(calls.length, 'call')} to ${upstreams}`,
      failed > 0 && h('strong', { class: 'failed' }, `, ${failed} failed`),
    ),
    h('ul', { class: 'plain calls' }, ...calls.map(callLine)),
  );
}

/**
 * Whether an upstream failed a call. That something asked for is not there, or that a token was renewed, is no failure.
 *
 * @param {Entry} call
 */
export function isFailed(call) {
  const { kind, errorCode, upstream, method, status } = call;
  if (kind !== 'call' || errorCode === undefined || isHeldBack(call)) return false;
  return !(upstream === 'arm' && method === 'GET' && status === 404);
}

/** Whether the connector itself did not send a call: no budget was left, or the upstream was out. @param {Entry} call */
export function isHeldBack({ kind, errorCode, status }) {
  return kind === 'call' && status === undefined && typeof errorCode === 'string' && OURS.test(errorCode);
}

const OURS = /\.(?:budget|outage|withheld|throttled)$/;

/** @param {Entry} call */
function callLine(call) {
  const { at, text, durationMs, correlationId, errorCode } = call;
  return h(
    'li',
    { 'data-key': `${at} ${String(correlationId)}`, class: isFailed(call) ? 'failed' : undefined },
    h(
      'p',
      {},
      clockTime(at),
      ' ',
      h('code', {}, text),
      ` ${Number(durationMs)} ms`,
      typeof errorCode === 'string' && ` ${errorCode}`,
    ),
    typeof correlationId === 'string' && !isHeldBack(call) && copyable(correlationId, 'correlation id'),
  );
}
