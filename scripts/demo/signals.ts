// How the demo hears that it is to end.

/**
 * Ends everything at SIGINT or SIGTERM, once: whoever ends a whole process group sends a second signal through npm, which would otherwise end
 * the demo in the midst of that.
 */
export function endAtSignals(end: () => Promise<void>): void {
  let isEnding = false;
  const begin = (): void => {
    if (isEnding) return;
    isEnding = true;
    void end();
  };
  process.on('SIGINT', begin);
  process.on('SIGTERM', begin);
}
