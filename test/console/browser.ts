import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const INSTALLED = '/usr/bin/chromium';
const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Chromium without a window: that of the system, else the one that Playwright has brought. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ args: QUIET, ...(existsSync(INSTALLED) && { executablePath: INSTALLED }) });
}

/**
 * What is written in the page with too little contrast to its background: below 4.5, or 3 for large letters.
 *
 * @see https://www.w3.org/TR/WCAG22/#contrast-minimum
 */
export const FAINT_TEXTS = `(() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const channels = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const backgroundOf = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = channels(getComputedStyle(at).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const luminance = (color) => {
    const [r, g, b] = color.slice(0, 3).map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const element = text.parentElement;
    if (!text.nodeValue.trim() || !element.checkVisibility() || element.closest('.unseen, .skip, noscript')) continue;
    const style = getComputedStyle(element);
    const one = luminance(channels(style.color));
    const other = luminance(backgroundOf(element));
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (contrast < (isLarge ? 3 : 4.5)) faint.push(contrast.toFixed(2) + ' ' + text.nodeValue.trim().slice(0, 40));
  }
  return faint;
})()`;

/** Fields and buttons that have no name for those who hear the page. */
export const NAMELESS = `[...document.querySelectorAll('input, select, textarea, button, a, table, nav, section')]
  .filter((element) => element.checkVisibility())
  .filter((element) => {
    const labelled = (element.getAttribute('aria-labelledby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent);
    const names = [element.getAttribute('aria-label'), ...labelled, ...[...(element.labels ?? [])].map((label) => label.textContent)];
    if (element.matches('button, a')) names.push(element.textContent);
    if (element.matches('table')) names.push(element.caption?.textContent);
    return !names.some((name) => name?.trim());
  })
  .map((element) => element.outerHTML.slice(0, 120))`;

/** What sticks out at the right: the page is wider than the window. */
export const STICKS_OUT = 'Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)';
