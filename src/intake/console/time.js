import { now } from './api.js';
import { h } from './dom.js';

const MINUTE_S = 60;
const HOUR_S = 3_600;
const DAY_S = 86_400;

/** 4 s, 12 min, 3 h, 5 days. @param {number} seconds */
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return `${s} s`;
  if (s < 90 * MINUTE_S) return `${Math.round(s / MINUTE_S)} min`;
  if (s < 36 * HOUR_S) return `${Math.round(s / HOUR_S)} h`;
  return `${Math.round(s / DAY_S)} days`;
}

/** How long ago it was, or how long it is until then. @param {string} at an ISO instant */
function relative(at) {
  const seconds = (now() - Date.parse(at)) / 1_000;
  if (Number.isNaN(seconds)) return at;
  if (seconds < -2) return `in ${span(-seconds)}`;
  return seconds < 5 ? 'just now' : `${span(seconds)} ago`;
}

/** `2026-03-02 09:21:07 UTC`. @param {string} at */
export function absolute(at) {
  const instant = new Date(at);
  return Number.isNaN(instant.getTime()) ? at : `${instant.toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `09:21:07 UTC`. @param {number} ms since 1970 */
export function clockOf(ms) {
  return `${new Date(ms).toISOString().slice(11, 19)} UTC`;
}

/** An instant: how long ago it was, and in the title when. @param {string} at */
export function ago(at) {
  return h('time', { datetime: at, title: absolute(at) }, relative(at));
}

/** How long it has lasted, and in the title since when. @param {string} since an ISO instant */
export function lasting(since) {
  return h('time', { datetime: since, title: absolute(since), 'data-lasting': true }, length(since));
}

/** @param {string} since */
function length(since) {
  const seconds = (now() - Date.parse(since)) / 1_000;
  return Number.isNaN(seconds) ? since : span(seconds);
}

/** An instant by the clock, and in the title in full. @param {string} at */
export function clockTime(at) {
  const text = absolute(at);
  return h('time', { datetime: at, title: text, 'data-fixed': true }, text.slice(0, 19));
}

/** A day: `2027-11-26`. @param {string} at a day, or an instant in it */
export function day(at) {
  return h('time', { datetime: at, title: at, 'data-fixed': true }, at.slice(0, 10));
}

/** Lets every age on the page grow. */
export function age() {
  for (const element of document.querySelectorAll('time:not([data-fixed])')) {
    const at = element.getAttribute('datetime') ?? '';
    const text = element.hasAttribute('data-lasting') ? length(at) : relative(at);
    if (element.textContent !== text) element.textContent = text;
  }
}
