import { read } from './api.js';
import { h } from './dom.js';
import { badge, counted, linkTo, listAddress, money, upstreamName } from './parts.js';
import { cureButton } from './presses.js';
import { keyOf, reasonsOf } from './reasons.js';
import { ago, lasting, span } from './time.js';
import { cureOf } from './why.js';

/** Where a look waits for longer than this, a note says why. */
const LONG_WAIT_S = 60;
const LATEST = 5;
const NAMED = 8;

/**
 * What needs a person now, first; then how everything else stands.
 *
 * @type {import('./parts.js').View}
 */
export async function overview() {
  /** @type {[import('./api.js').Overview, import('./api.js').DeadLetterList, import('./api.js').Page<import('./api.js').AuditEntry>]} */
  const [counts, letters, audit] = await Promise.all([read('/overview'), read('/dead-letters'), read('/audit')]);
  const reasons = await reasonsOf(letters);
  const dead = letters.items.filter(isDead).sort((one, other) => rankOf(one) - rankOf(other));
  // The notes tell of that among others.
  const waitsLong = counts.workers.count === 0 || (counts.oldestWaitingS ?? 0) > LONG_WAIT_S;
  const holdsUpAll = waitsLong || counts.throttles.length > 0;
  const matters = [
    ...counts.circuits.filter(({ open }) => open).map(outage),
    ...(holdsUpAll ? counts.notes.map(note) : []),
    ...dead.filter((one) => rankOf(one) < CUSTOMERS).map((one) => standing(one, reasons.get(keyOf(one)))),
    ...(holdsUpAll ? [] : counts.notes.map(note)),
    ...dead.filter((one) => rankOf(one) === CUSTOMERS).map((one) => standing(one, reasons.get(keyOf(one)))),
    ...letters.items.filter((one) => !isDead(one)).map(unreadable),
  ];
  const title = matters.length > 0 ? `(${matters.length}) Overview` : 'Overview';
  return {
    title,
    content: [
      h('h1', { tabindex: -1 }, 'Overview'),
      counts.readOnly &&
        h('p', { class: 'matter calm' }, 'Dry run: nothing is written to any upstream (CMW_READ_ONLY).'),
      h(
        'section',
        { 'aria-labelledby': 'needs-you' },
        h('h2', { id: 'needs-you' }, 'Needs you now'),
        matters.length > 0
          ? h('ul', { class: 'matters' }, ...matters)
          : h('p', { class: 'matter calm', 'data-key': 'calm' }, 'Nothing needs you.'),
      ),
      h(
        'section',
        { 'aria-labelledby': 'rest' },
        h('h2', { id: 'rest' }, 'Everything else'),
        h('ul', { class: 'tiles' }, ...tilesOf(counts)),
      ),
      h(
        'section',
        { 'aria-labelledby': 'latest' },
        h('h2', { id: 'latest' }, 'What people did last'),
        audit.items.length > 0
          ? h('ul', { class: 'lines' }, ...audit.items.slice(0, LATEST).map(pressed))
          : h('p', { class: 'nothing' }, 'Nobody has pressed anything yet.'),
      ),
      h('p', { class: 'hint version' }, `Version ${counts.version}`),
    ],
  };
}

/** @param {import('./api.js').Overview['circuits'][number]} circuit */
function outage({ upstream, since }) {
  return h(
    'li',
    { class: 'matter bad', 'data-key': `out ${upstream}` },
    h('p', { class: 'sentence' }, `${upstreamName(upstream)} is out`, since && [', for ', lasting(since)], '.'),
    h(
      'p',
      { class: 'hint' },
      'What needs it waits; that time does not count towards deadlines. Now and then a call finds out whether it is back. ',
      h('a', { href: '#limits' }, 'Limits'),
    ),
  );
}

/** @typedef {import('./reasons.js').Letters} Letters */

/** @param {Letters} letters */
function isDead({ state }) {
  return state !== 'quarantined';
}

/** Has to be cured by a customer. */
const CUSTOMERS = 2;

/** @param {Letters} letters */
function rankOf({ code, state }) {
  if (code.startsWith('customer.')) return CUSTOMERS;
  return state === 'needs-attention' ? 0 : 1;
}

/** @param {Letters} letters */
function unreadable({ code, state, count, oldestAt }) {
  const text = `${counted(count, 'signed body', 'signed bodies')} could not be understood and ${count === 1 ? 'is' : 'are'} kept.`;
  return h(
    'li',
    { class: 'matter warn', 'data-key': keyOf({ code, state }) },
    h('p', { class: 'sentence' }, text),
    h('p', { class: 'hint' }, 'The oldest came ', ago(oldestAt), '. ', h('a', { href: '#stuck' }, 'Quarantine')),
  );
}

/**
 * @param {Letters} letters
 * @param {import('./reasons.js').Reason} [reason]
 */
function standing({ code, state, count, oldestAt, subscriptionIds }, reason) {
  const [first] = subscriptionIds;
  return h(
    'li',
    { class: `matter ${state === 'failed' ? 'bad' : 'warn'}`, 'data-key': keyOf({ code, state }) },
    h(
      'p',
      { class: 'meta' },
      badge(state),
      h('strong', {}, counted(count, 'subscription')),
      h('code', {}, code),
      h('span', {}, 'for ', lasting(reason && reason.since < oldestAt ? reason.since : oldestAt)),
    ),
    reason && h('p', { class: 'sentence' }, cureOf(reason.why)),
    h(
      'p',
      { class: 'ids' },
      ...subscriptionIds.slice(0, NAMED).map(linkTo),
      count > NAMED && h('a', { href: listAddress({ state, text: code }) }, `all ${count}`),
    ),
    h(
      'div',
      { class: 'buttons' },
      count === 1 &&
        first !== undefined &&
        h('a', { class: 'button', href: `#subscriptions/${first}` }, `Open ${first}`),
      cureButton({ code, count, subscriptionIds }, reason?.cure),
    ),
  );
}

/** @param {string} text */
function note(text) {
  return h('li', { class: 'matter warn', 'data-key': `note ${text}` }, h('p', { class: 'sentence' }, text));
}

/** @param {import('./api.js').Overview} counts */
function tilesOf({ states, agreementsPending, exposures, held, detached, backlog, oldestWaitingS }) {
  const sums = Object.entries(exposures.byCurrency).map(([currency, amount]) => money(amount, currency));
  return [
    tile('retrying', states.retrying, 'retrying', listAddress({ state: 'retrying' }), 'an upstream fails'),
    tile('waiting', states.waiting, 'waiting', listAddress({ state: 'waiting' }), 'for Microsoft, a customer, a limit'),
    tile(
      'agreements',
      agreementsPending,
      'agreements to accept',
      listAddress({ state: 'waiting', text: 'Customer Agreement' }),
      'by customers',
    ),
    tile('running', states.running, 'at work', listAddress({ state: 'running' }), ''),
    tile(
      'idle',
      states.idle,
      'idle',
      listAddress({ state: 'idle' }),
      detached > 0 ? 'nothing to do yet, or detached' : 'nothing to do yet',
    ),
    tile('done', states.done, 'in order', listAddress({ state: 'done' }), ''),
    tile('held', held, 'held', listAddress({ state: 'held' }), 'by people'),
    tile('detached', detached, 'detached', listAddress({ state: 'detached' }), 'looked after by people'),
    tile(
      'exposures',
      exposures.count,
      'still charged',
      '#exposures',
      sums.length > 0 ? `${sums.join(' + ')} a billing period` : 'though ended',
    ),
    tile(
      'queue',
      backlog,
      'in the queue',
      '#limits',
      oldestWaitingS === null ? 'nothing waits for a worker' : `the first for ${span(oldestWaitingS)}`,
    ),
  ];
}

/**
 * @param {string} key
 * @param {number} count
 * @param {string} name
 * @param {string} address
 * @param {string} hint
 */
function tile(key, count, name, address, hint) {
  return h(
    'li',
    { 'data-key': key },
    h(
      'a',
      { href: address, class: count === 0 ? 'none' : undefined },
      h('span', { class: 'count' }, count.toLocaleString('en-GB')),
      h('span', { class: 'name' }, name),
      h('span', { class: 'hint' }, hint),
    ),
  );
}

/** @param {import('./api.js').AuditEntry} entry */
function pressed({ at, by, action, subscriptionId, target, reason, outcome }) {
  return h(
    'li',
    { 'data-key': `${at} ${action} ${outcome}` },
    h('span', { class: 'hint' }, ago(at)),
    h(
      'span',
      {},
      h('strong', {}, by),
      ` ${action} `,
      subscriptionId === null ? target && h('code', {}, target.slice(0, 40)) : linkTo(subscriptionId),
      outcome !== 'accepted' && ` (${outcome})`,
      `: ${reason}`,
    ),
  );
}
