import { now, read } from './api.js';
import { h } from './dom.js';
import {
  badge,
  breakable,
  copyable,
  counted,
  empty,
  linkTo,
  listAddress,
  money,
  nothing,
  pager,
  sentence,
  table,
  upstreamName,
} from './parts.js';
import { cureButton } from './presses.js';
import { keyOf, reasonsOf } from './reasons.js';
import { row } from './subscriptions.js';
import { ago, clockTime, day } from './time.js';
import { cureOf, standingSince } from './why.js';

/* The views that are lists and no more. */

/** @typedef {import('./parts.js').View} View */

const NAMED = 20;

/** What no longer moves by itself, by its reason, and what could not be understood at all. @type {View} */
export async function stuck({ query }) {
  /** @type {[import('./api.js').DeadLetterList, import('./api.js').Page<import('./api.js').Quarantined>]} */
  const [letters, kept] = await Promise.all([
    read('/dead-letters'),
    read('/quarantine', { page: query.get('page') ?? undefined }),
  ]);
  const dead = letters.items.filter(({ state }) => state !== 'quarantined');
  const [reasons, failing] = await Promise.all([reasonsOf(letters), failingForLong()]);
  return {
    title: 'Stuck',
    content: [
      h('h1', { tabindex: -1 }, 'Stuck'),
      h(
        'p',
        { class: 'hint' },
        'What failed or needs a person, by the code of its reason. Cure the cause, then press the button beside it for all at once.',
      ),
      dead.length > 0
        ? table(
            'What stands still, by reason',
            ['Reason', 'State', 'How many', 'Since', 'Subscriptions', ''],
            dead
              .map((letters) => ({ letters, reason: reasons.get(keyOf(letters)) }))
              .map(({ letters, reason }) => {
                const { code, state, count, oldestAt, subscriptionIds } = letters;
                return {
                  key: keyOf(letters),
                  cells: [
                    [reason && h('p', { class: 'sentence' }, cureOf(reason.why)), h('code', {}, code)],
                    badge(state),
                    count,
                    ago(reason && reason.since < oldestAt ? reason.since : oldestAt),
                    h(
                      'span',
                      { class: 'ids' },
                      ...subscriptionIds.map(linkTo),
                      count > NAMED && h('a', { href: listAddress({ state, text: code }) }, `all ${count}`),
                    ),
                    cureButton(letters, reason?.cure),
                  ],
                };
              }),
          )
        : nothing('Nothing stands still.'),
      ...failing,
      h('h2', {}, 'Quarantine'),
      h(
        'p',
        { class: 'hint' },
        'Signed by the marketplace or Microsoft, but no notification that can be understood. The bodies themselves are not shown.',
      ),
      kept.items.length > 0
        ? table(
            'Quarantined bodies',
            ['Came', 'Why it was not understood', 'Times', 'Size', 'SHA-256', ''],
            kept.items.map(({ id, at, reason, count, sizeBytes, digest }) => ({
              key: id,
              cells: [
                ago(at),
                reason,
                count,
                counted(sizeBytes, 'byte'),
                copyable(digest, 'digest', `${digest.slice(0, 12)}…`),
                h(
                  'button',
                  { type: 'button', class: 'danger', 'data-press': 'discard', 'data-digest': id },
                  'Discard …',
                ),
              ],
            })),
          )
        : empty(kept, 'stuck', query, 'Nothing is in quarantine.'),
      pager(kept, 'stuck', query),
    ],
  };
}

const LONG_MS = 3_600_000;
const PAGE_SIZE = 50;

/** What is still tried again, though it has failed for an hour or more; the longest first. */
async function failingForLong() {
  /** @type {import('./api.js').Page<import('./api.js').Subscription>} */
  let list = await read('/subscriptions', { state: 'retrying' });
  // What changed last stands first, so that the last page has those that have failed for longest.
  const lastPage = Math.ceil(list.total / PAGE_SIZE);
  if (lastPage > 1) list = await read('/subscriptions', { state: 'retrying', page: lastPage });
  const failing = list.items
    .filter((one) => now() - Date.parse(standingSince(one)) >= LONG_MS)
    .sort((one, other) => standingSince(one).localeCompare(standingSince(other)));
  if (failing.length === 0) return [];
  return [
    h('h2', {}, 'Failing for long'),
    h(
      'p',
      { class: 'hint' },
      'Still tried again by themselves, for an hour or more already. ',
      h('a', { href: listAddress({ state: 'retrying' }) }, 'All that fail now'),
    ),
    h('ul', { class: 'rows' }, ...failing.map(row)),
  ];
}

/** What Microsoft charges on although the marketplace has ended it. @type {View} */
export async function exposures({ query }) {
  /** @type {[import('./api.js').Page<import('./api.js').Exposure>, import('./api.js').Overview]} */
  const [list, counts] = await Promise.all([
    read('/exposures', { page: query.get('page') ?? undefined }),
    read('/overview'),
  ]);
  const sums = Object.entries(counts.exposures.byCurrency).map(([currency, amount]) => money(amount, currency));
  return {
    title: 'Exposures',
    content: [
      h('h1', { tabindex: -1 }, 'Exposures'),
      h(
        'p',
        { class: 'hint' },
        'Ended in the marketplace after Microsoft’s window of cancellation: charged until the term is over, then gone. Prices before tax.',
      ),
      sums.length > 0 &&
        h(
          'p',
          { class: 'why' },
          `${sums.join(' + ')} a billing period, for ${counted(counts.exposures.count, 'subscription')}.`,
        ),
      list.items.length > 0
        ? table(
            'Exposures',
            ['Subscription', 'Last day', 'Seats', 'Price', 'Customer', 'Offer', 'Partner subscription'],
            list.items.map(
              ({ subscriptionId, until, seats, price, billingCycle, customer, offerId, partnerSubscriptionId }) => ({
                key: String(subscriptionId),
                cells: [
                  linkTo(subscriptionId),
                  until === null ? 'not known' : [day(until), ' (', ago(until), ')'],
                  seats,
                  price === null ? 'not known' : `${money(price.perPeriod, price.currency)} ${billingCycle ?? ''}`,
                  customer,
                  offerId,
                  copyable(partnerSubscriptionId, 'partner subscription'),
                ],
              }),
            ),
          )
        : empty(list, 'exposures', query, 'Microsoft charges nothing that the marketplace has ended.'),
      pager(list, 'exposures', query),
    ],
  };
}

const TIGHTEST = 50;

/** @param {import('./api.js').Budgets['items'][number]} budget */
function tightnessOf({ used, limit, waiting, pausedUntil }) {
  return used / limit + (waiting > 0 ? 1 : 0) + (pausedUntil === null ? 0 : 2);
}

/** @param {string | null} openSince @param {import('./api.js').Overview['throttles'][number]} [throttle] */
function stateOf(openSince, throttle) {
  if (openSince !== null) return h('span', { class: 'badge state-failed' }, 'is out');
  if (throttle)
    return [h('span', { class: 'badge state-waiting' }, 'refuses calls'), ' until ', clockTime(throttle.until)];
  return h('span', { class: 'badge state-done' }, 'answers');
}

const SHOWN = 8;

/** @param {string} caption @param {import('./api.js').Budgets['items']} budgets */
function callsBy(caption, budgets) {
  return table(
    caption,
    ['Limit', 'Used', 'In line', 'Paused by the upstream'],
    budgets.map(({ budget, used, limit, waiting, pausedUntil }) => ({
      key: budget,
      cells: [
        h('code', {}, sentence(budget)),
        [
          h('progress', { max: limit, value: Math.min(used, limit), 'aria-label': `${used} of ${limit} used` }),
          ` ${used} of ${limit}`,
        ],
        waiting,
        pausedUntil === null ? '–' : ['until ', clockTime(pausedUntil), ' (', ago(pausedUntil), ')'],
      ],
    })),
  );
}

/** How many calls the upstreams still allow, and which of them are out. @type {View} */
export async function limits() {
  /** @type {[import('./api.js').Budgets, import('./api.js').Overview]} */
  const [{ items, circuits }, { throttles }] = await Promise.all([read('/budgets'), read('/overview')]);
  const used = items.filter(({ used, waiting, pausedUntil }) => used > 0 || waiting > 0 || pausedUntil !== null);
  const tight = used.sort((one, other) => tightnessOf(other) - tightnessOf(one)).slice(0, TIGHTEST);
  return {
    title: 'Limits',
    content: [
      h('h1', { tabindex: -1 }, 'Limits'),
      h('h2', {}, 'Upstreams'),
      table(
        'Upstreams',
        ['Upstream', 'State', 'Since', 'Next call that finds out'],
        circuits.map(({ upstream, openSince, nextProbeAt }) => ({
          key: upstream,
          cells: [
            upstreamName(upstream),
            stateOf(
              openSince,
              throttles.find((throttle) => throttle.upstream === upstream),
            ),
            openSince === null ? '–' : ago(openSince),
            nextProbeAt === null ? '–' : ago(nextProbeAt),
          ],
        })),
      ),
      h('h2', {}, 'Calls'),
      h(
        'p',
        { class: 'hint' },
        `Used within the period of each limit, over all processes; the tightest first, and those that nobody needs now left out. Whoever finds nothing left stands in line.`,
      ),
      tight.length > 0 ? callsBy('Calls by limit', tight.slice(0, SHOWN)) : nothing('Nothing was called lately.'),
      tight.length > SHOWN &&
        h(
          'details',
          { 'data-key': 'more' },
          h('summary', {}, `${tight.length - SHOWN} more, with more room`),
          callsBy('More calls by limit', tight.slice(SHOWN)),
        ),
    ],
  };
}

/** Microsoft customers, and what was sold to them. @type {View} */
export async function customers({ query }) {
  /** @type {import('./api.js').Page<import('./api.js').Customer>} */
  const list = await read('/customers', { page: query.get('page') ?? undefined });
  const states = { accepted: 'done', pending: 'waiting', unknown: 'idle' };
  return {
    title: 'Customers',
    content: [
      h('h1', { tabindex: -1 }, 'Customers'),
      list.items.length > 0
        ? table(
            'Customers',
            ['In the marketplace', 'Domain', 'Microsoft customer', 'Customer Agreement', 'Subscriptions'],
            list.items.map(({ owner, domain, customerId, agreement, subscriptions }) => ({
              key: owner,
              cells: [
                h('a', { href: listAddress({ customer: owner }) }, owner),
                domain === null ? '–' : breakable(domain),
                customerId === null ? '–' : copyable(customerId, 'Microsoft customer'),
                h('span', { class: `badge state-${states[agreement]}` }, agreement),
                h(
                  'span',
                  { class: 'ids' },
                  ...subscriptions.slice(0, NAMED).map(linkTo),
                  subscriptions.length > NAMED &&
                    h('a', { href: listAddress({ customer: owner }) }, `all ${subscriptions.length}`),
                ),
              ],
            })),
          )
        : empty(list, 'customers', query, 'No customer yet.'),
      pager(list, 'customers', query),
    ],
  };
}

/** Who pressed what, and why. @type {View} */
export async function audit({ query }) {
  /** @type {import('./api.js').Page<import('./api.js').AuditEntry>} */
  const list = await read('/audit', Object.fromEntries(query));
  return {
    title: 'Audit trail',
    content: [
      h('h1', { tabindex: -1 }, 'Audit trail'),
      h(
        'form',
        { class: 'filters', 'data-filters': 'audit', 'data-key': `filters ${query}` },
        h(
          'label',
          {},
          h('span', {}, 'Subscription'),
          h('input', {
            name: 'subscription',
            value: query.get('subscription'),
            inputmode: 'numeric',
            pattern: '\\d{1,10}',
          }),
        ),
        h('div', { class: 'buttons' }, h('button', {}, 'Filter'), h('a', { href: '#audit' }, 'Clear')),
      ),
      list.items.length > 0
        ? table(
            'Audit trail',
            ['When', 'Who', 'What', 'To', 'Reason', 'Outcome'],
            list.items.map(({ at, by, action, subscriptionId, target, reason, outcome, code }) => ({
              key: `${at} ${action} ${subscriptionId ?? target} ${outcome}`,
              cells: [
                [clockTime(at), ' ', h('span', { class: 'hint' }, '(', ago(at), ')')],
                by,
                action,
                subscriptionId === null ? h('code', {}, target ?? '–') : linkTo(subscriptionId),
                reason,
                outcome === 'failed' ? h('span', { class: 'badge state-failed' }, `failed: ${code ?? ''}`) : outcome,
              ],
            })),
          )
        : empty(list, 'audit', query, 'Nothing was pressed yet.'),
      pager(list, 'audit', query),
    ],
  };
}
