import { Away, LoggedOut, now, Refused, read } from './api.js';
import { byId, fieldOf, h, renew } from './dom.js';
import { audit, customers, exposures, limits, stuck } from './lists.js';
import { overview } from './overview.js';
import { createPresses } from './presses.js';
import { createSession } from './session.js';
import { subscription } from './subscription.js';
import { subscriptions } from './subscriptions.js';
import { age, clockOf } from './time.js';

const REFRESH_EVERY_MS = 10_000;
/** What was pressed is done a moment later. */
const AFTER_A_PRESS_MS = 1_500;
const SAID_FOR_MS = 15_000;

/** @type {Record<string, import('./parts.js').View>} */
const VIEWS = { overview, subscriptions, stuck, exposures, limits, customers, audit };

const main = byId('main', HTMLElement);
const away = byId('away', HTMLElement);
const said = byId('said', HTMLElement);
const freshness = byId('freshness', HTMLElement);
const search = byId('search', HTMLFormElement);

/** The address whose content is shown. @type {string | undefined} */
let shownHash;
/** Counts what was asked for, so that an answer that comes too late changes nothing. */
let asked = 0;
/** When the content was read, by the clock of the connector. @type {string | undefined} */
let freshAt;

/** What was read when the session ended by itself. @type {DocumentFragment | undefined} */
let concealed;

const session = createSession({
  async loggedIn(isSame, dropped) {
    if (isSame && concealed && location.hash === shownHash) main.replaceChildren(concealed);
    else shownHash = undefined;
    concealed = undefined;
    if (dropped) say(`Not pressed: “${byId('press-title', HTMLElement).textContent}”, which ${dropped} had begun.`);
    await refresh();
    // Who was reading is where they were; who has just come is led to the beginning.
    if (document.activeElement === document.body) main.querySelector('h1')?.focus();
  },
  conceal(isKept) {
    // What is still on its way is shown to nobody.
    asked += 1;
    const taken = document.createDocumentFragment();
    taken.append(...main.childNodes);
    concealed = isKept ? taken : undefined;
    document.title = 'Microsoft connector';
    freshAt = undefined;
    tellFreshness();
    said.hidden = true;
    away.hidden = true;
  },
  away: sayAway,
});
const press = createPresses({
  said: say,
  loggedOut: session.ask,
  changed() {
    void refresh();
    setTimeout(() => void refresh(), AFTER_A_PRESS_MS);
  },
});

/** Shows what the address names, or shows it anew. */
async function refresh() {
  const { hash } = location;
  const { path, query } = placeOf(hash);
  const view = path[0] === 'subscriptions' && path[1] ? subscription : (VIEWS[path[0] || 'overview'] ?? nowhere);
  asked += 1;
  const ours = asked;
  main.setAttribute('aria-busy', 'true');
  markPlace(path[0] ?? '');
  try {
    const shown = await view({ path, query });
    if (ours !== asked) return;
    show(hash, shown);
    freshAt = clockOf(now());
    away.hidden = true;
    session.show();
  } catch (error) {
    if (ours !== asked) return;
    if (error instanceof LoggedOut) session.ask(error);
    else if (error instanceof Away) sayAway(error.message);
    else if (error instanceof Refused) {
      session.show();
      show(hash, { title: 'Refused', content: [h('h1', { tabindex: -1 }, 'Refused'), h('p', {}, error.message)] });
    } else throw error;
  } finally {
    if (ours === asked) main.removeAttribute('aria-busy');
    tellFreshness();
  }
}

/** @type {import('./parts.js').View} */
async function nowhere({ path }) {
  // Whether anybody is logged in shows only when something is asked for.
  await read('/budgets');
  return {
    title: 'No such page',
    content: [
      h('h1', { tabindex: -1 }, 'No such page'),
      h('p', {}, `The console has no page “${path[0]}”. `, h('a', { href: '#overview' }, 'Overview')),
    ],
  };
}

/**
 * @param {string} hash
 * @param {import('./parts.js').Shown} shown
 */
function show(hash, { title, content }) {
  document.title = `${title} – Microsoft connector`;
  const fresh = h('main', {}, ...content);
  if (hash === shownHash) {
    keepingPlace(() => renew(main, fresh));
    return;
  }
  const isFirst = shownHash === undefined;
  shownHash = hash;
  main.replaceChildren(...fresh.childNodes);
  const place = history.state?.scrollY;
  scrollTo(0, typeof place === 'number' ? place : 0);
  // Whoever hears the page hears where they are now.
  if (!isFirst) main.querySelector('h1')?.focus({ preventScroll: true });
}

/**
 * Changes the content without moving what is being read: what has the focus, else what stands at the top of the window.
 *
 * @param {() => void} change
 */
function keepingPlace(change) {
  const focused = document.activeElement;
  const isSeen = focused && focused !== main && main.contains(focused) && isInWindow(focused);
  const anchor = isSeen ? focused : [...main.querySelectorAll('[data-key], h2')].find(isInWindow);
  const before = anchor?.getBoundingClientRect().top ?? 0;
  change();
  // At the top of the page whoever reads wants to see what is new.
  if (scrollY > 0 && anchor?.isConnected) scrollBy(0, anchor.getBoundingClientRect().top - before);
}

/** @param {Element} element */
function isInWindow(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && bottom <= innerHeight;
}

/** @param {string} hash `#subscriptions?state=failed`, `#subscriptions/50010` */
function placeOf(hash) {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  return { path: path.split('/').map(decode), query: new URLSearchParams(query) };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @param {string} view */
function markPlace(view) {
  for (const link of document.querySelectorAll('header nav a')) {
    if (link.getAttribute('href') === `#${view || 'overview'}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

/** @param {string} why */
function sayAway(why) {
  const from = freshAt ? ` What you see is of ${freshAt}.` : '';
  const text = `${why}${from} Trying again every ${REFRESH_EVERY_MS / 1_000} s.`;
  // Set anew it would be read out anew.
  if (away.textContent !== text) away.textContent = text;
  away.hidden = false;
}

let hushing = 0;
/** @param {string} text */
function say(text) {
  // Whoever has logged out meanwhile is told nothing.
  if (byId('login', HTMLDialogElement).open) return;
  said.textContent = text;
  said.hidden = false;
  clearTimeout(hushing);
  hushing = setTimeout(hush, SAID_FOR_MS);
}

/** What is said may lie over a button. */
function hush() {
  said.hidden = true;
}
said.addEventListener('click', hush);

function tellFreshness() {
  const text = freshAt ? `As of ${freshAt}, renewed every ${REFRESH_EVERY_MS / 1_000} s.` : '';
  freshness.textContent = text;
}

/** @param {HTMLElement} button */
async function copy(button) {
  const text = button.dataset.copy ?? '';
  try {
    await navigator.clipboard.writeText(text);
    say(`Copied ${text}`);
  } catch {
    // Without https there is no clipboard; it can be copied by hand then.
    getSelection()?.selectAllChildren(button);
    say('Selected; copy it with your keyboard.');
  }
}

main.addEventListener('click', (event) => {
  if (!(event.target instanceof Element)) return;
  const button = event.target.closest('button');
  if (button?.dataset.copy !== undefined) void copy(button);
  else if (button?.dataset.press !== undefined) press(button);
});

main.addEventListener('submit', (event) => {
  if (!(event.target instanceof HTMLFormElement)) return;
  event.preventDefault();
  const given = [...new FormData(event.target)].map(([name, value]) => [
    name,
    typeof value === 'string' ? value.trim() : '',
  ]);
  const query = new URLSearchParams(given.filter(([, value]) => value !== ''));
  goTo(event.target.dataset.filters ?? '', query);
});
main.addEventListener('change', (event) => {
  if (event.target instanceof HTMLSelectElement) event.target.form?.requestSubmit();
});

search.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = fieldOf(search, 'text').value.trim();
  if (text) goTo('subscriptions', new URLSearchParams({ text }));
});

const ORDER = /^(?:(?:order|subscription|number|no\.?)[\s:]*)*#?\s*(\d{1,10})$/i;

/**
 * A number goes to the subscription itself, also as `#50010` or `order 50010`.
 *
 * @param {string} view
 * @param {URLSearchParams} query
 */
function goTo(view, query) {
  const [, number] = ORDER.exec(query.get('text') ?? '') ?? [];
  if (view === 'subscriptions' && number) location.hash = `#subscriptions/${number}`;
  else location.hash = query.size > 0 ? `#${view}?${query}` : `#${view}`;
}

document.addEventListener('keydown', (event) => {
  const isTyping = event.target instanceof Element && event.target.closest('input, textarea, select, dialog');
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping) return;
  event.preventDefault();
  fieldOf(search, 'text').focus();
});

document.querySelector('.skip')?.addEventListener('click', (event) => {
  // The address names the view, so that the link must not change it.
  event.preventDefault();
  main.focus();
});

history.scrollRestoration = 'manual';
let settling = 0;
addEventListener('scroll', () => {
  clearTimeout(settling);
  settling = setTimeout(() => {
    if (location.hash === shownHash) history.replaceState({ scrollY }, '');
  }, 100);
});

addEventListener('hashchange', () => {
  // What is asked there is about the page that was left.
  byId('press', HTMLDialogElement).close();
  said.hidden = true;
  void refresh();
});
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible') void refresh();
});
setInterval(() => {
  age();
  const isBusy = main.hasAttribute('aria-busy') || byId('login', HTMLDialogElement).open;
  if (document.visibilityState === 'visible' && !isBusy) void refresh();
}, REFRESH_EVERY_MS);
void refresh();
