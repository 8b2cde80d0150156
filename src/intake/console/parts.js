import { h } from './dom.js';

/* What several views are made of. */

/**
 * What a view shows: a title for the tab, and the content.
 *
 * @typedef {{ title: string, content: import('./dom.js').Child[] }} Shown
 */
/**
 * A view: reads what it needs, and shows it.
 *
 * @typedef {(where: { path: string[], query: URLSearchParams }) => Promise<Shown>} View
 */

/** @type {Record<string, string>} */
const STATE_WORDS = {
  'needs-attention': 'needs you',
  quarantined: 'in quarantine',
};

/** What people call a state. @param {string} state */
export function stateName(state) {
  return STATE_WORDS[state] ?? state;
}

/** The name of a state in its colour. @param {string} state */
export function badge(state) {
  return h('span', { class: `badge state-${state}` }, stateName(state));
}

/** What people call the types of products. @type {Record<string, string>} */
export const PRODUCT_NAMES = { license: 'licence', azure: 'Azure Marketplace machine', arm: 'ARM template' };

/**
 * What is sold, and what is done with it, as far as it is known.
 *
 * @param {Pick<import('./api.js').Subscription, 'product' | 'productType' | 'operation'>} subscription
 */
export function soldAs({ product, productType, operation }) {
  const type = productType && (PRODUCT_NAMES[productType] ?? productType);
  return [product?.name, type, operation].filter(Boolean).join(' · ');
}

/** @type {Record<string, string>} */
const UPSTREAM_NAMES = {
  cloudesire: 'Cloudesire',
  'partner-center': 'Partner Center',
  entra: 'Entra ID',
  arm: 'Azure',
};

/** What people call an upstream. @param {string} upstream */
export function upstreamName(upstream) {
  return UPSTREAM_NAMES[upstream] ?? upstream;
}

/** @param {number} id */
export function linkTo(id) {
  return h('a', { href: `#subscriptions/${id}` }, id);
}

/** The address of a list. @param {Record<string, string | number | undefined>} query */
export function listAddress(query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return `#subscriptions?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
}

/**
 * A text that is copied with one tap.
 *
 * @param {string} text
 * @param {string} what it is, for those who hear the page
 * @param {string} [shown] instead of a text that is too long
 */
export function copyable(text, what, shown = text) {
  return h(
    'button',
    { type: 'button', class: 'copy', 'data-copy': text, title: `Copy ${text}`, 'aria-label': `Copy ${what} ${text}` },
    h('code', {}, shown),
  );
}

export const IDENTIFIER = /([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})/i;
/** A call by its status and identifiers, for Microsoft's support rather than for whoever reads. */
const ASIDE = new RegExp(`(\\([^()]*${IDENTIFIER.source.slice(1, -1)}[^()]*\\))`, 'i');

/** A command, as it is typed. */
const COMMAND = /`([^`]+)`/;
const LINK = /(https:\/\/[^\s<>"']*[^\s<>"'.,;:)])/;

/**
 * A sentence that can be read: long identifiers are cut to their first eight digits, with the whole in their title, an aside that holds
 * some is written smaller, and a link can be copied. It is not followed from here, for whoever sent it to us.
 *
 * @param {string} text
 * @returns {HTMLElement[]}
 */
export function sentence(text) {
  const parts = text.split(LINK);
  return parts.flatMap((part, at) => {
    if (at % 2 === 0) return said(at > 0 ? part.replace(MARK, '') : part);
    const [mark = ''] = MARK.exec(parts[at + 1] ?? '') ?? [];
    return [linkOf(part, mark)];
  });
}

/** What ends a sentence stays with a link that does: on a narrow page it would begin a line. */
const MARK = /^[.,;:)]+/;

/** @param {string} address @param {string} mark that follows */
function linkOf(address, mark) {
  const button = copyable(address, 'link');
  button.append(h('span', { class: 'do' }, ' copy'), mark);
  return button;
}

/** @param {string} text */
function said(text) {
  return text.split(COMMAND).flatMap((part, at) => (at % 2 === 1 ? [h('code', {}, part)] : words(part)));
}

/** @param {string} text */
function words(text) {
  return text.split(ASIDE).map((part) => h(ASIDE.test(part) ? 'small' : 'span', {}, ...cut(part)));
}

/** @param {string} text */
function cut(text) {
  return text
    .split(IDENTIFIER)
    .map((part) => (IDENTIFIER.test(part) ? h('span', { class: 'cut', title: part }, `${part.slice(0, 8)}…`) : part));
}

/** A domain, which on a narrow page goes on in the next line after a dot. @param {string} domain */
export function breakable(domain) {
  return h('span', {}, ...domain.split(/(?<=\.)/).flatMap((part) => [part, h('wbr', {})]));
}

/**
 * A table, which on a narrow page is shown as a list of cards.
 *
 * @param {string} caption
 * @param {string[]} columns
 * @param {{ key: string, cells: (import('./dom.js').Child | import('./dom.js').Child[])[] }[]} rows
 */
export function table(caption, columns, rows) {
  return h(
    'table',
    { role: 'table' },
    h('caption', { class: 'unseen' }, caption),
    h(
      'thead',
      { role: 'rowgroup' },
      h('tr', { role: 'row' }, ...columns.map((column) => h('th', { role: 'columnheader', scope: 'col' }, column))),
    ),
    h(
      'tbody',
      { role: 'rowgroup' },
      ...rows.map(({ key, cells }) =>
        h(
          'tr',
          { role: 'row', 'data-key': key },
          ...cells.map((cell, at) =>
            h(
              'td',
              { role: 'cell' },
              h('span', { class: 'label', 'aria-hidden': 'true' }, columns[at]),
              h('div', {}, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

const PAGE_SIZE = 50;

/**
 * The address of a page of a list, filtered as it is.
 *
 * @param {string} view
 * @param {URLSearchParams} query
 * @param {number} page
 */
function pageAddress(view, query, page) {
  const other = new URLSearchParams(query);
  other.set('page', String(page));
  return `#${view}?${other}`;
}

/**
 * The way to the other pages of a list; nothing when there is only one.
 *
 * @param {{ page: number, total: number }} list
 * @param {string} view
 * @param {URLSearchParams} query
 */
export function pager({ page, total }, view, query) {
  const pages = Math.ceil(total / PAGE_SIZE);
  if (pages <= 1 || page > pages) return undefined;
  /** @param {number} to */
  const address = (to) => pageAddress(view, query, to);
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'Pages' },
    page > 1 ? h('a', { href: address(page - 1), rel: 'prev' }, 'Newer') : h('span', {}, 'Newer'),
    h('span', {}, `Page ${page} of ${pages}, ${total} in all`),
    page < pages ? h('a', { href: address(page + 1), rel: 'next' }, 'Older') : h('span', {}, 'Older'),
  );
}

/** What stands where there is nothing to list. @param {string} text */
export function nothing(text) {
  return h('p', { class: 'nothing' }, text);
}

/**
 * What stands in the place of a list that shows nothing: that there is nothing, or that this page of it is none.
 *
 * @param {{ page: number, total: number }} list
 * @param {string} view
 * @param {URLSearchParams} query
 * @param {string} text
 */
export function empty({ page, total }, view, query, text) {
  if (total === 0) return nothing(text);
  const first = h('a', { href: pageAddress(view, query, 1) }, 'The first one');
  return h('p', { class: 'nothing' }, `There is no page ${page}. `, first);
}

/** @param {number} amount @param {string} currency */
export function money(amount, currency) {
  return `${amount.toLocaleString('en-GB', { minimumFractionDigits: 2, maximumFractionDigits: 2 })} ${currency}`;
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
