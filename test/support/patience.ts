import { vi } from 'vitest';

/** A condition may take long to come about where the processor is busy with other things; one that never does is only found later. */
const PATIENCE_MS = 90_000;

const { waitFor, waitUntil } = vi;

type Options = Parameters<typeof waitFor>[1];

/** Of the time-outs that tests name, and the one second that Vitest waits without one, none is a promise. */
function patiently(options: Options) {
  const { timeout = 0, ...others } = typeof options === 'number' ? { timeout: options } : (options ?? {});
  return { ...others, timeout: Math.max(timeout, PATIENCE_MS) };
}

const waitForPatiently: typeof waitFor = (callback, options) => waitFor(callback, patiently(options));
const waitUntilPatiently: typeof waitUntil = (callback, options) => waitUntil(callback, patiently(options));

// Files share the modules, so that this may have been loaded before.
if (waitFor.name !== waitForPatiently.name)
  Object.assign(vi, { waitFor: waitForPatiently, waitUntil: waitUntilPatiently });
