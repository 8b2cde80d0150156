import type { Flow } from '../../engine/workflow.ts';
import { MINUTE_MS } from '../../lib/durations.ts';
import { AttentionError, RetryableError } from '../../lib/errors.ts';
import { toTheMinute } from '../../lib/moment.ts';
import type { AzureSubscription, Fault, Image } from '../../upstreams/azure/client.ts';
import { worstOf } from '../../upstreams/azure/taxonomy.ts';
import type { Grace } from '../grace.ts';
import type { Look } from '../look.ts';
import { pollPlan } from '../steps/polls.ts';
import { type CurrentAssignment, unknownLike } from './assignment.ts';
import { architectureOf, providersOf } from './blueprint.ts';
import { atRetry, CAPACITY_PAUSE_MS, capacityIn, causeOf, errorOf, isOfContent, mayPass } from './faults.ts';
import { prepareImage } from './image.ts';
import { deploymentOf, groupOf, isOurs, notOurs, TEMPLATE_TAG, tagsOf } from './names.ts';
import { noteAzure } from './note.ts';
import type { AzureSettings } from './order.ts';
import { registerProviders } from './providers.ts';
import { awaitRunningDeployment } from './running-deployment.ts';

export interface Deployment {
  /** The Azure subscription, as the connector's service principal. */
  subscription: AzureSubscription;
  region: string;
  assignment: CurrentAssignment;
}

export interface DeployParts {
  settings: AzureSettings;
  now(): number;
  pollEveryMs: number;
  grace: Grace;
}

export type Outputs = Record<string, { type: string; value: unknown }>;

/** What a deployment was made of when it was sent: the plan, and the digest of what the customer had entered. */
interface Sent {
  planId?: number;
  configuration: string;
}

/** What came of a deployment: what it gives out, and what of the marketplace's wishes it has carried out. */
export interface Deployed {
  outputs: Outputs;
  wish: Sent;
}

type Ended = { outputs: Outputs } | { faults: Fault[] };

/** Registers what the template of now needs and looks up its image, either of which `retry` may have replaced. */
export async function prepareDeployment(
  flow: Flow,
  { subscription, region, assignment }: Deployment,
  parts: Pick<DeployParts, 'pollEveryMs' | 'grace'>,
): Promise<Image | undefined> {
  const { order, blueprint } = await assignment.read();
  await registerProviders(flow, subscription, providersOf(order.deploys, blueprint), parts);
  return prepareImage(flow, subscription, region, order.deploys, parts);
}

/** Pause after a deployment that failed for what may pass. */
const PAUSE_MS = 5 * MINUTE_MS;

const startOf = (attempt: number): string => `start deployment ${attempt}`;

/** Whether this run has sent a deployment, or may have. */
export function hasSent(flow: Flow, look: Look): boolean {
  return flow.hasBegun(startOf(look.fulfillment().azure?.attempt ?? 0));
}

/** So often a deployment that failed for a passing reason is started again by itself. */
const MOST_ATTEMPTS_BY_ITSELF = 5;

/**
 * Deploys into the resource group of the order and returns what came of it. A deployment is started without waiting and looked
 * at from later jobs; each attempt has a name of its own, under which it is found again. What a failed attempt has written stays, so that
 * the next one completes it.
 *
 * @throws {AttentionError} naming the innermost cause; after `retry`, or with other parameters, it is deployed again
 * @throws {CustomerError} `order.dns-name-taken`
 * @see https://learn.microsoft.com/azure/azure-resource-manager/templates/deployment-modes
 */
export async function deploy(flow: Flow, look: Look, deployment: Deployment, parts: DeployParts): Promise<Deployed> {
  const { subscription, region, assignment } = deployment;
  const { pollEveryMs, grace } = parts;
  const { dnsParameter } = parts.settings;
  const isDelivered = look.fulfillment().deployedAt !== undefined;
  const orderId = look.subscription.id;
  const group = groupOf(orderId);
  /** Composed when it is sent, since it may hold secrets, which rest nowhere. */
  const compose = async (image: Image | undefined) => (await assignment.read()).body(image);
  const tags = async () => ({ ...tagsOf(orderId), [TEMPLATE_TAG]: (await assignment.read()).blueprint.sha256 });

  await awaitRunningDeployment(flow, look, subscription, parts);
  const first = await flow.step('number the deployment', async () => (look.fulfillment().azure?.attempt ?? 0) + 1);
  for (let attempt = first; ; attempt += 1) {
    const name = deploymentOf(orderId, attempt);
    const start = startOf(attempt);
    // Azure may refuse to start what it had nothing against: as long as it does, what was corrected is taken up and checked.
    if (!flow.hasBegun(start)) await assignment.renewAtRetry();
    const image = await prepareDeployment(flow, deployment, parts);
    await makeGroup(start);
    await flow.step(`have deployment ${attempt} checked`, async () => {
      const faults = await subscription.deployments.validate(group, name, await compose(image));
      if (faults.length > 0)
        throw errorOf('The check of the deployment', faults, { region, dnsParameter, isDelivered });
    }, [start]);
    const sent = await flow.effect<Sent, Sent>(start, {
      async prepare() {
        await look.stillIn(['PENDING', 'FAILED', 'DEPLOYED']);
        const { configuration, blueprint } = await assignment.read();
        await noteAzure(look, { attempt, template: blueprint.sha256, architecture: architectureOf(blueprint) });
        const { planId } = look.subscription;
        const sent = { ...(planId !== undefined && { planId }), configuration };
        await forgetWhatIsDeployed(look, sent);
        return sent;
      },
      async find(prepared) {
        const { state } = await subscription.deployments.look(group, name);
        return state === 'absent' ? undefined : prepared;
      },
      async act(prepared) {
        const body = { ...(await compose(image)), tags: await tags() };
        await subscription.deployments.start(group, name, body).catch((error: unknown) => {
          throw isOfContent(error) ? atRetry(error) : error;
        });
        return prepared;
      },
    });
    const plan = pollPlan('work', pollEveryMs, `Azure to finish deployment ${name}`);
    const ended = await flow.poll<Ended>(`deployment ${attempt} ended`, plan, async () => {
      const seen = await subscription.deployments.look(group, name, await compose(image));
      if (seen.state === 'succeeded') return { outputs: seen.outputs };
      if (seen.state === 'failed' || seen.state === 'canceled') return { faults: seen.faults };
      return undefined;
    });
    if ('outputs' in ended) return { ...ended, wish: sent };
    await goOnAfter(attempt, sent.configuration, ended.faults);
  }

  /** Its tag tells which template it was made with, which `retry` may have replaced. */
  async function makeGroup(start: string): Promise<void> {
    const { blueprint } = await assignment.read();
    const make = async () => {
      const found = await subscription.groups.get(group);
      if (found && !isOurs(found, orderId)) throw notOurs(group, orderId);
      const ours = Object.entries(await tags());
      if (found && ours.every(([name, value]) => found.tags[name] === value)) return;
      // A group stays where it was made; what is in it may lie elsewhere.
      await subscription.groups.put(group, {
        location: found?.location ?? region,
        tags: { ...found?.tags, ...Object.fromEntries(ours) },
      });
    };
    // Somebody may have cleared away what a deployment that failed has left.
    await flow.step(`make the resource group for template ${blueprint.sha256.slice(0, 12)}`, make, [start]);
  }

  async function goOnAfter(attempt: number, entered: string, faults: Fault[]): Promise<void> {
    const what = `Deployment ${deploymentOf(orderId, attempt)}`;
    const worst = worstOf(faults);
    if (mayPass(worst) && attempt - first < MOST_ATTEMPTS_BY_ITSELF) {
      await flow.pause(`pause after deployment ${attempt}`, {
        forMs: worst?.kind === 'capacity' ? CAPACITY_PAUSE_MS : grace(PAUSE_MS),
        waitingFor(endsAt) {
          const due = toTheMinute(new Date(endsAt).toISOString());
          const tries = `another try, number ${attempt - first + 2} of ${MOST_ATTEMPTS_BY_ITSELF + 1} (if none succeeds a person is told), at ${due}`;
          const cause = causeOf(what, faults);
          if (worst?.kind === 'capacity') return capacityIn(region, ` for ${tries}`, cause);
          // The sentence around it ends with a full stop of its own.
          return `Azure to be ready for ${tries}: ${cause.replace(/\.$/, '')}`;
        },
        // Marketplace and sweeps ask for looks at any time; only persons know that it is worth a try.
        isOver: async ({ hasBegun }) =>
          (hasBegun && look.isAskedFor) || (await assignment.read()).configuration !== entered,
      });
      return;
    }
    await flow.step(`deploy again after ${attempt}`, async () => {
      if (await assignment.renewAtRetry()) return;
      if ((await assignment.read()).configuration !== entered) return;
      const error = errorOf(what, faults, { dnsParameter, isDelivered, wasSent: true });
      if (!(error instanceof RetryableError)) throw error;
      throw new AttentionError(
        error.code,
        `${causeOf(what, faults)} That was tried ${MOST_ATTEMPTS_BY_ITSELF + 1} times. Find out what is in the way.`,
        { facts: error.facts, effect: 'none', cure: 'retry' },
      );
    });
  }
}

/**
 * From here on it may be what is sent, or still what was there: also where the customer takes the change back before Azure has made it, what
 * they want differs from what is noted then, and is deployed.
 */
async function forgetWhatIsDeployed(look: Look, sent: Sent): Promise<void> {
  const { settled } = look.fulfillment();
  if (!settled) return;
  await look.settle({
    ...(sent.planId !== settled.planId && { planId: undefined }),
    ...(sent.configuration !== settled.configuration && { configuration: unknownLike(sent.configuration) }),
  });
}
