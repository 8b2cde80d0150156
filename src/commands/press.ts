import { parseArgs } from 'node:util';
import { ConnectorError } from '../lib/errors.ts';
import type { Action, Press } from '../workflows/interventions.ts';
import { type Command, EXIT, readReason, readSubscriptionId, UsageError } from './command.ts';

export interface PressParts {
  act(action: Action, subscriptionId: number, press: Press): Promise<'queued' | 'backlog-full'>;
}

const SUMMARIES: Record<Action, string> = {
  look: 'looks at subscriptions again now',
  retry: 'forgets the failure of subscriptions and resumes at the failed step',
  hold: 'sends nothing for subscriptions until they are released',
  release: 'lets held subscriptions go on',
  detach: 'leaves a subscription to people: it is neither read nor changed again',
  attach: 'gives detached subscriptions back to the connector',
};

/** Of a press that holds although the queue has no room for the look that follows. */
const LOOKED_AT_LATER = ' Too many subscriptions wait for a look: the next sweep asks for this one.';

/** A command that presses one of the buttons of operations; `readOperator` tells who does. */
export function press(action: Action, readOperator: () => string): Command<PressParts> {
  const asksTwice = action === 'detach';
  return {
    usage: `<id>${asksTwice ? ' --confirm <id>' : '…'} --reason <text>`,
    summary: SUMMARIES[action],

    read(args) {
      const { values, positionals } = parseArgs({
        args,
        options: { reason: { type: 'string' }, ...(asksTwice && { confirm: { type: 'string' } as const }) },
        allowPositionals: true,
      });
      const ids = positionals.map(readSubscriptionId);
      if (ids.length === 0) throw new UsageError('Which subscription?');
      const reason = readReason(values.reason);
      if (asksTwice && (ids.length > 1 || values.confirm !== positionals[0])) {
        throw new UsageError('To detach one subscription, give its id once more with --confirm.');
      }

      return async ({ act }, output) => {
        const by = readOperator();
        let failures = 0;
        for (const id of ids) {
          try {
            const look = await act(action, id, { by, reason });
            output.write(`${id}: ${action} is accepted.${look === 'queued' ? '' : LOOKED_AT_LATER}\n`);
          } catch (error) {
            if (!(error instanceof ConnectorError)) throw error;
            failures += 1;
            output.write(`${id}: ${error.message} (${error.code})\n`);
          }
        }
        return failures > 0 ? EXIT.found : EXIT.fine;
      };
    },
  };
}
