import type { FlowEvent } from '../engine/workflow.ts';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import { isDoneInVain } from './end-run.ts';
import type { Measures } from './operations.ts';
import type { RecordWriter } from './record-writer.ts';

export interface StepObserverParts {
  writer: RecordWriter;
  /** Absent where nothing is counted. */
  measures?: Measures | undefined;
  log: Log;
  clock: Clock;
}

/** Writes down each step that a workflow takes: in the record, in the story, in the log. Whatever failed before a step that succeeds is over. */
export function createStepObserver({ writer, measures, log, clock }: StepObserverParts) {
  return async (event: FlowEvent): Promise<void> => {
    if (event.kind === 'step-started') {
      writer.foresee({ step: event.step });
      return;
    }
    const facts = event.kind === 'step-finished' ? { durationMs: event.durationMs } : {};
    const { productType } = writer.record;
    if (event.kind === 'step-finished' && productType) measures?.step({ productType, ...event });
    const isNews = writer.record.state !== 'running';
    writer.foresee({
      ...(isNews && {
        state: 'running',
        since: new Date(clock.now()).toISOString(),
        waitingFor: undefined,
        heldUpBy: undefined,
      }),
      before: undefined,
      attempts: 0,
      failingSince: undefined,
      troubledSince: undefined,
      told: undefined,
      // What succeeds once more is not yet what shows.
      ...(!isDoneInVain(writer.record) && { alerted: undefined }),
    });
    if (isNews) await writer.keep({});
    await writer.tell(
      'step',
      event.kind === 'step-finished' ? event.step : `${event.step}: had happened already`,
      facts,
    );
    log.info(
      { runId: writer.record.run?.id, step: event.step, ...facts },
      event.kind === 'step-finished' ? 'step finished' : 'effect found',
    );
  };
}
