import { renamed } from '../../engine/renamed.ts';
import type { Flow } from '../../engine/workflow.ts';
import type { TermItem } from '../term-item.ts';

/** What became of a round. `refused`: an item that Microsoft does not give at once. `again`: operations want it anew. */
export type RoundOutcome = 'through' | 'again' | { refused: Item };

/** An item that was refused in an earlier round. */
export type Refused = Item | undefined;

type Item = Omit<TermItem, 'seats'>;

/**
 * Brings a licence to another item, in as many rounds as that takes. Each begins at its beginning, with steps of its own, so that it goes by
 * what was corrected meanwhile.
 */
export async function inRounds(
  flow: Flow,
  attempt: (flow: Flow, refused: Refused) => Promise<RoundOutcome>,
): Promise<void> {
  let refused: Refused;
  for (let round = 1; ; round += 1) {
    const outcome = await attempt(round === 1 ? flow : renamed(flow, `again ${round}`), refused);
    if (outcome === 'through') return;
    if (outcome !== 'again') ({ refused } = outcome);
  }
}
