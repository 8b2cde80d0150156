import { Away, logIn, logOut, Refused } from './api.js';
import { byId, fieldOf, h } from './dom.js';

/* Who is logged in. The cookie itself is out of reach of scripts; the name is kept here to be shown, and offered at the next login. */

const NAME = 'operator';
const dialog = byId('login', HTMLDialogElement);
const form = /** @type {HTMLFormElement} */ (dialog.querySelector('form'));
const refusal = /** @type {HTMLElement} */ (form.querySelector('.refusal'));
const submit = /** @type {HTMLButtonElement} */ (form.querySelector('button'));
const reason = byId('login-why', HTMLElement);
const who = byId('who', HTMLElement);

/**
 * The dialog in which people log in. Until somebody has done so it cannot be closed, and nothing that was read is in the page.
 *
 * @param {{ loggedIn(isSame: boolean, dropped?: string): void, conceal(isKept: boolean): void, away(text: string): void }} parts `loggedIn`: with whether whoever
 * logs in is the one whose session was over, and who had begun a press that is open no longer; `conceal` takes from the page what was read, to be
 * shown again or not
 * @returns {{ ask(over?: import('./api.js').LoggedOut): void, show(): void }} `ask` opens it, and says why when a session is over; `show` tells who
 * is logged in
 */
export function createSession({ loggedIn, conceal, away }) {
  /** What was open when a session ended by itself, where, and whose it was: they find it again, with what was typed. */
  /** @type {{ operator: string, hash: string, question?: HTMLDialogElement } | undefined} */
  let interrupted;
  let isAsking = false;

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (submit.disabled) return;
    submit.disabled = true;
    refusal.hidden = true;
    const operator = fieldOf(form, 'operator').value.trim();
    try {
      await logIn({ token: fieldOf(form, 'token').value, operator });
      localStorage.setItem(NAME, operator);
      fieldOf(form, 'token').value = '';
      isAsking = false;
      dialog.close();
      // What somebody else has typed is not to be pressed under this name.
      const { operator: former, hash, question } = interrupted ?? {};
      const isSame = former === operator;
      const isBack = isSame && hash === location.hash;
      if (isBack) question?.showModal();
      interrupted = undefined;
      loggedIn(isSame, question && !isBack ? former : undefined);
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Away)) throw error;
      refusal.textContent = error.message;
      refusal.hidden = false;
      fieldOf(form, 'token').focus();
    } finally {
      submit.disabled = false;
    }
  });
  // Not every browser knows `closedby`, and Escape is refused only once.
  dialog.addEventListener('close', () => {
    if (isAsking) dialog.showModal();
  });

  /** @param {import('./api.js').LoggedOut} [over] */
  function ask(over) {
    const wasIn = who.childElementCount > 0;
    const operator = localStorage.getItem(NAME) ?? '';
    who.replaceChildren();
    if (isAsking) return;
    isAsking = true;
    reason.textContent = over?.isTokenChanged ? over.message : over && wasIn ? 'Your session has ended.' : '';
    reason.hidden = reason.textContent === '';
    const open = document.querySelector('dialog[open]');
    const question = open instanceof HTMLDialogElement ? open : undefined;
    question?.close();
    interrupted = over && wasIn ? { operator, hash: location.hash, ...(question && { question }) } : undefined;
    conceal(interrupted !== undefined);
    const name = fieldOf(form, 'operator');
    name.value = operator;
    refusal.hidden = true;
    dialog.showModal();
    if (name.value) fieldOf(form, 'token').focus();
    else name.focus();
  }

  function show() {
    if (who.childElementCount > 0) return;
    const out = h('button', { type: 'button' }, 'Log out');
    out.addEventListener('click', async () => {
      try {
        await logOut();
        ask();
      } catch (error) {
        away(`${error instanceof Error ? error.message : ''} You are still logged in.`);
      }
    });
    who.replaceChildren(h('span', { title: 'Logged in as' }, localStorage.getItem(NAME) ?? ''), out);
  }

  return { ask, show };
}
