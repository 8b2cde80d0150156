/** Rejects with the signal's reason as soon as it aborts: to be raced with work that cannot be called off. */
export function aborted(signal: AbortSignal): Promise<never> {
  const end = Promise.withResolvers<never>();
  const reject = (): void => end.reject(signal.reason);
  if (signal.aborted) reject();
  else signal.addEventListener('abort', reject, { once: true });
  // Nobody may be waiting any more when the signal aborts.
  end.promise.catch(() => {});
  return end.promise;
}
