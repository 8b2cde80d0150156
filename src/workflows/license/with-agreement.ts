import { renamed } from '../../engine/renamed.ts';
import type { Flow, Workflow } from '../../engine/workflow.ts';
import { once } from '../../lib/once.ts';
import type { AgreementNeed } from '../../report/texts/texts.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import { readBuyer } from '../buyer.ts';
import type { Look } from '../look.ts';
import type { AcceptAgreementParts } from '../steps/accept-agreement.ts';
import { underAgreement } from '../steps/under-agreement.ts';
import { boughtOf } from './bought.ts';

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
        const fulfillment = look.fulfillment();
        const { customerId } = boughtOf(fulfillment);
        return { customerId, owner: fulfillment.owner ?? (await buyer()).owner, buyer, need };
      };
      return underAgreement(flow, look, request, parts, (round) => workflow.run(inRound(flow, round), look));
    },
  };
}

function inRound(flow: Flow, round: number): Flow {
  if (round === 0) return flow;
  return renamed(flow, round === 1 ? 'with the agreement' : `with the agreement, ${round}`);
}
