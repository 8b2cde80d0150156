/**
 * How long Microsoft may take to do or to show something, in milliseconds, before that it is missing proves anything: `usualMs`. No pause
 * that somebody has shortened makes it less, or what is bought could pass for not bought; only toward emulators it shrinks with them.
 */
export type Grace = (usualMs: number) => number;
