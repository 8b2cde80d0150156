import { type Flow, Suspended } from '../../engine/workflow.ts';
import { HOUR_MS, MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError, ConnectorError } from '../../lib/errors.ts';
import { toTheMinute } from '../../lib/moment.ts';
import { AGREEMENT_MISSING } from '../../upstreams/partner-center/errors.ts';
import type { Look } from '../look.ts';
import { type AcceptAgreementParts, type AgreementRequest, acceptAgreement } from './accept-agreement.ts';

/** Microsoft knows of an acceptance within this. */
const KNOWN_WITHIN_MS = 4 * HOUR_MS;
/** Between two tries. */
const SHORTEST_PAUSE_MS = MINUTE_MS;
const LONGEST_PAUSE_MS = 15 * MINUTE_MS;

/**
 * Does what Microsoft allows only under the Customer Agreement, and returns what comes of it. Where Microsoft demands the agreement, the
 * customer is asked for it, and the work is done again. What was accepted in this run may not be known at Microsoft yet: then the same work is
 * tried again, ever more slowly, and nobody is asked a second time.
 *
 * @param work told how often the agreement was asked for because Microsoft demanded it
 * @throws {AttentionError} `agreement.not-recognised` when Microsoft goes on demanding what was accepted hours ago; `retry` asks anew
 */
export async function underAgreement<T>(
  flow: Flow,
  look: Look,
  request: () => Promise<AgreementRequest>,
  parts: AcceptAgreementParts,
  work: (round: number) => Promise<T>,
): Promise<T> {
  let round = 0;
  while (flow.isDone(demanded(round + 1))) round += 1;
  for (; ; round += 1) {
    const acceptedAt =
      round > 0 ? await acceptAgreement(flow, look, { ...(await request()), again: round }, parts) : undefined;
    try {
      return await work(round);
    } catch (error) {
      if (!(error instanceof ConnectorError) || error.facts.upstreamCode !== AGREEMENT_MISSING) throw error;
      await giveItTime(error, acceptedAt);
      await flow.step(demanded(round + 1), async () => true);
    }
  }

  /** Returns when the customer has to be asked: they were not in this run, so that what they accepted is out of date, or operations want it. */
  async function giveItTime(refusal: ConnectorError, acceptedAt: string | undefined): Promise<void> {
    const wasAsked = round > 0 || flow.isDone('remember agreement');
    if (!wasAsked) return;
    const { owner, customerId } = await request();
    const agreedAt = acceptedAt ?? (await parts.directory.find(owner))?.agreedAt ?? '';
    const sinceMs = parts.now() - Date.parse(agreedAt);
    if (sinceMs < parts.grace(KNOWN_WITHIN_MS)) {
      if (look.fulfillment().askedAt) {
        await flow.step(`tell that the agreement is accepted, again ${round}`, () =>
          parts.report.underWay(look.subscription.id),
        );
      }
      const pauseMs = Math.min(Math.max(sinceMs / 2, parts.grace(SHORTEST_PAUSE_MS)), parts.grace(LONGEST_PAUSE_MS));
      throw new Suspended(
        parts.now() + pauseMs,
        `Microsoft to know of the Customer Agreement that was accepted at ${toTheMinute(agreedAt)}: until then it refuses what needs one`,
      );
    }
    if (look.takeRetry()) return;
    throw new AttentionError(
      'agreement.not-recognised',
      `The agreement of customer ${customerId} was accepted at ${toTheMinute(agreedAt)}, but Microsoft still demands it. See in Partner Center which agreement the customer has, and ask its support; or retry, which has the customer asked for it once more. (${refusal.message})`,
      { cause: refusal, facts: refusal.facts },
    );
  }
}

function demanded(round: number): string {
  return round === 1 ? 'the agreement is demanded' : `the agreement is demanded, ${round}`;
}
