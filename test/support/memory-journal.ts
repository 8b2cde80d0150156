import { type Journal, type JournalEntry, type Lane, LaneLostError } from '../../src/engine/journal.ts';

/** A journal in memory that forgets nothing and can be told that the lane was lost. */
export function createMemoryJournal(): Journal & { entries(runId: string): Record<string, JournalEntry> } {
  const runs = new Map<string, Map<string, JournalEntry>>();
  const runOf = (runId: string): Map<string, JournalEntry> => {
    const run = runs.get(runId) ?? new Map<string, JournalEntry>();
    runs.set(runId, run);
    return run;
  };
  return {
    load: async (runId) => new Map(structuredClone([...runOf(runId)])),
    async write(lane, runId, step, entry) {
      await lane.assertHeld();
      runOf(runId).set(step, structuredClone(entry));
    },
    async forget(lane, runId, step) {
      await lane.assertHeld();
      runOf(runId).delete(step);
    },
    entries: (runId) => Object.fromEntries(runOf(runId)),
  };
}

/** A lane that is held until `lose()`. */
export function createTestLane(subscriptionId = 50010): Lane & { lose(): void; stop(): void } {
  const stopping = new AbortController();
  let held = true;
  return {
    subscriptionId,
    fence: 1,
    signal: stopping.signal,
    async assertHeld() {
      if (!held) throw new LaneLostError(subscriptionId);
    },
    lose() {
      held = false;
    },
    stop: () => stopping.abort(),
  };
}
