import { vi } from 'vitest';

/** A condition may take long to come about where the processor is busy with other things; one that never does is only found later. */
const PATIENCE_MS = 90_000;

const { waitFor } = vi;

/** Of the time-outs that tests name, and the one second that Vitest waits without one, none is a promise. */
function waitPatiently<T>(...[callback, options]: Parameters<typeof waitFor<T>>): Promise<T> {
  const { timeout = 0, ...others } = typeof options === 'number' ? { timeout: options } : (options ?? {});
  return waitFor(callback, { ...others, timeout: Math.max(timeout, PATIENCE_MS) });
}

// Files share the modules, so that this may have been loaded before.
if (waitFor.name !== waitPatiently.name) vi.waitFor = waitPatiently;
