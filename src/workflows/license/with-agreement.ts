import type { Flow, Workflow } from '../../engine/workflow.ts';
import { AttentionError, ConnectorError } from '../../lib/errors.ts';
import { once } from '../../lib/once.ts';
import type { AgreementNeed } from '../../report/texts/texts.ts';
import type { Cloudesire } from '../../upstreams/cloudesire/client.ts';
import { AGREEMENT_MISSING } from '../../upstreams/partner-center/errors.ts';
import { readBuyer } from '../buyer.ts';
import type { Look } from '../look.ts';
import { type AcceptAgreementParts, acceptAgreement } from '../steps/accept-agreement.ts';

export interface WithAgreementParts extends AcceptAgreementParts {
  cloudesire: Cloudesire;
  privateCustomers: 'refuse' | 'allow';
}

const DEMANDED = 'the agreement is demanded';

/**
 * A workflow for what is in service that, when Microsoft demands the Customer Agreement for it, has the customer accept it and then
 * begins anew: days may have passed, so that nothing that was read before holds. Until then everything stays as it is.
 *
 * @throws {AttentionError} `agreement.not-recognised` when Microsoft demands it still, although it was accepted
 */
export function withAgreement(
  workflow: Workflow<Look>,
  need: AgreementNeed,
  parts: WithAgreementParts,
): Workflow<Look> {
  return {
    name: workflow.name,

    async run(flow, look) {
      if (!flow.isDone(DEMANDED)) {
        try {
          return await workflow.run(flow, look);
        } catch (error) {
          if (!isAgreementMissing(error)) throw error;
          await flow.step(DEMANDED, async () => true);
        }
      }
      const { customerId = '', owner } = look.fulfillment();
      const buyer = once(() => readBuyer(parts.cloudesire, look.subscription.buyerId, parts));
      const request = { customerId, owner: owner ?? (await buyer()).owner, buyer, need, again: 1 };
      await acceptAgreement(flow, look, request, parts);
      try {
        await workflow.run(renamed(flow, 'with the agreement'), look);
      } catch (error) {
        if (!isAgreementMissing(error)) throw error;
        throw new AttentionError(
          'agreement.not-recognised',
          `The agreement of customer ${customerId} was accepted, but Microsoft still demands it. It is tried again by itself; if that goes on, see in Partner Center which agreement the customer has, and ask its support. (${error.message})`,
          { cause: error, facts: error.facts },
        );
      }
    },
  };
}

function isAgreementMissing(error: unknown): error is ConnectorError {
  return error instanceof ConnectorError && error.facts.upstreamCode === AGREEMENT_MISSING;
}

/** The same flow, in which every step has another name, and so a result of its own. */
function renamed(flow: Flow, suffix: string): Flow {
  const named = (name: string): string => `${name}, ${suffix}`;
  return {
    isDone: (name) => flow.isDone(named(name)),
    step: (name, work) => flow.step(named(name), work),
    effect: (name, effect) => flow.effect(named(name), effect),
    poll: (name, plan, look) => flow.poll(named(name), plan, look),
  };
}
