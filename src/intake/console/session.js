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
 * The dialog in which people log in, over whatever they were reading: it is still there afterwards.
 *
 * @param {{ loggedIn(): void, away(text: string): void }} parts
 * @returns {{ ask(over?: import('./api.js').LoggedOut): void, show(): void }} `ask` opens it, and says why when a session is over; `show` tells who
 * is logged in
 */
export function createSession({ loggedIn, away }) {
  /** What was open when the session was over: it is opened again, with what was typed. @type {HTMLDialogElement | undefined} */
  let interrupted;

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
      dialog.close();
      interrupted?.showModal();
      interrupted = undefined;
      loggedIn();
    } catch (error) {
      if (!(error instanceof Refused || error instanceof Away)) throw error;
      refusal.textContent = error.message;
      refusal.hidden = false;
      fieldOf(form, 'token').focus();
    } finally {
      submit.disabled = false;
    }
  });
  // There is nothing behind it to go back to.
  dialog.addEventListener('cancel', (event) => event.preventDefault());

  /** @param {import('./api.js').LoggedOut} [over] */
  function ask(over) {
    const wasIn = who.childElementCount > 0;
    who.replaceChildren();
    if (dialog.open) return;
    reason.textContent = over?.isTokenChanged ? over.message : over && wasIn ? 'Your session has ended.' : '';
    reason.hidden = reason.textContent === '';
    const open = document.querySelector('dialog[open]');
    interrupted = open instanceof HTMLDialogElement ? open : undefined;
    interrupted?.close();
    const name = fieldOf(form, 'operator');
    name.value = localStorage.getItem(NAME) ?? '';
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
        away(error instanceof Error ? error.message : '');
      }
    });
    who.replaceChildren(h('span', { title: 'Logged in as' }, localStorage.getItem(NAME) ?? ''), out);
  }

  return { ask, show };
}
