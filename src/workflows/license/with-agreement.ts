import type { Flow, Workflow } from '../../engine/workflow.ts';
import { once } from '../../lib/once.ts';
import type { AgreementNeed } from '../../report/texts/texts.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import { readBuyer } from '../buyer.ts';
import type { Look } from '../look.ts';
import type { AcceptAgreementParts } from '../steps/accept-agreement.ts';
import { underAgreement } from '../steps/under-agreement.ts';

export interface WithAgreementParts extends AcceptAgreementParts {
  cloudesire: Cloudesire;
  privateCustomers: 'refuse' | 'allow';
}

/**
 * A workflow for what is in service that, when Microsoft demands the Customer Agreement for it, has the customer accept it and then
 * begins anew: days may have passed, so that nothing that was read before holds. Until then everything stays as it is.
 */
export function withAgreement(
  workflow: Workflow<Look>,
  need: AgreementNeed,
  parts: WithAgreementParts,
): Workflow<Look> {
  return {
    name: workflow.name,

    run(flow, look) {
      const buyer = once(() => readBuyer(parts.cloudesire, look.subscription.buyerId, parts));
      const request = async () => {
        const { customerId = '', owner } = look.fulfillment();
        return { customerId, owner: owner ?? (await buyer()).owner, buyer, need };
      };
      return underAgreement(flow, look, request, parts, (round) => workflow.run(inRound(flow, round), look));
    },
  };
}

function inRound(flow: Flow, round: number): Flow {
  if (round === 0) return flow;
  return renamed(flow, round === 1 ? 'with the agreement' : `with the agreement, ${round}`);
}

/** The same flow, in which every step has another name, and so a result of its own. */
function renamed(flow: Flow, suffix: string): Flow {
  const named = (name: string): string => `${name}, ${suffix}`;
  return {
    isDone: (name) => flow.isDone(named(name)),
    hasBegun: (name) => flow.hasBegun(named(name)),
    step: (name, work, anewUntil) => flow.step(named(name), work, anewUntil?.map(named)),
    effect: (name, effect) => flow.effect(named(name), effect),
    poll: (name, plan, look) => flow.poll(named(name), plan, look),
    pause: (name, plan) => flow.pause(named(name), plan),
  };
}
