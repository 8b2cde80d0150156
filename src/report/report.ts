import { AttentionError, ConnectorError, PermanentError, RetryableError } from '../lib/errors.ts';
import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { Endpoint } from '../upstreams/cloudesire/schema.ts';
import { createAzureReport } from './azure.ts';
import { dayIn, failureText, textsOf, withFieldNames } from './texts/catalogue.ts';
import type { Access, AgreementNeed, NextTermChange, Params, Texts } from './texts/texts.ts';

const ADMIN_CENTER = 'https://admin.microsoft.com/';
const PASSWORD_RESET = 'https://passwordreset.microsoftonline.com/';
const DOCUMENTATION = 'https://learn.microsoft.com/microsoft-365/admin/';

export type Report = ReturnType<typeof createReport>;

/** Outcomes, told to the marketplace in the customer's words. Every call may be repeated: it sends the complete set again. */
export function createReport({
  cloudesire,
  languages,
}: {
  cloudesire: Pick<Cloudesire, 'subscriptions'>;
  languages: readonly string[];
}) {
  const subscriptions = withOperatorsRefusals(cloudesire.subscriptions);
  // Endpoints and credentials have one text each, instructions one in every language of the marketplace.
  const main = textsOf(languages[0]);

  const licenseEndpoints: Endpoint[] = [
    { endpoint: ADMIN_CENTER, category: 'APP', description: main.endpoints.admin },
    { endpoint: PASSWORD_RESET, category: 'PASSWORD_RESET', description: main.endpoints.passwordReset },
    { endpoint: DOCUMENTATION, category: 'DOCUMENTATION', description: main.endpoints.documentation },
  ];

  const inLanguages = (choose: (texts: Texts, language: string) => string): Record<string, string> =>
    Object.fromEntries(languages.map((language) => [language, choose(textsOf(language), language)]));

  async function setStatus(id: number, status: 'DEPLOYED' | 'UNDEPLOYED' | 'FAILED'): Promise<void> {
    try {
      await subscriptions.setStatus(id, status);
    } catch (error) {
      const refused =
        error instanceof ConnectorError && (error instanceof PermanentError || error.facts.status === 409);
      if (!refused) throw error;
      const now = await subscriptions.get(id);
      if (now?.deploymentStatus === status) return;
      throw new AttentionError(
        'cloudesire.status-refused',
        `The marketplace refuses to set subscription ${id} to ${status}; it shows ${now?.deploymentStatus ?? 'no such subscription'}. Look at it there.`,
        { cause: error, facts: error.facts },
      );
    }
  }

  return {
    azure: createAzureReport({ subscriptions, main, inLanguages }),

    /** Where a licence is administered. */
    licenseEndpoints: (id: number): Promise<void> => subscriptions.setEndpoints(id, licenseEndpoints),

    licenseInstructions(id: number, access: Access): Promise<void> {
      return subscriptions.setInstructions(
        id,
        inLanguages((texts) => texts.license[access](main.endpoints)),
      );
    },

    /** What is on order for the next term; `until` is the last day of this one, an ISO instant. The way in stays told. */
    nextTerm(
      id: number,
      change: NextTermChange,
      { seats, until }: { seats: number; until?: string | undefined },
    ): Promise<void> {
      return subscriptions.setInstructions(
        id,
        inLanguages(
          (texts, language) =>
            `${texts.nextTerm[change]({ seats, date: dayIn(until, language) })}\n\n${texts.license['existing-tenant'](main.endpoints)}`,
        ),
      );
    },

    /** A number of seats that cannot be had was asked for: what is in service stays as it is. `params` with `seats`, `min` and perhaps `max`. */
    seatsNotPossible(id: number, params: Params): Promise<void> {
      return subscriptions.setInstructions(
        id,
        inLanguages(
          (texts) => `${texts.seatsNotPossible(params)}\n\n${texts.license['existing-tenant'](main.endpoints)}`,
        ),
      );
    },

    /** What was on order for the next term has come about. */
    newTerm(id: number, change: 'renewed' | 'afterTrial', { seats }: { seats: number }): Promise<void> {
      return subscriptions.setInstructions(
        id,
        inLanguages((texts) => texts.newTerm[change]({ seats, ...main.endpoints })),
      );
    },

    /** The first administrator of a new tenant. Without a password only the name is told. */
    credentials(id: number, { userName, password }: { userName: string; password?: string }): Promise<void> {
      const description = (key: 'userName' | 'password'): Record<string, string> =>
        inLanguages((texts) => texts.credentials[key]);
      return subscriptions.setCredentials(id, [
        { key: 'Username', value: userName, weight: 1, description: description('userName') },
        ...(password === undefined
          ? []
          : [{ key: 'Password', value: password, weight: 2, description: description('password') }]),
      ]);
    },

    /**
     * The customer has to accept the agreement: the link as endpoint, since instructions may not contain one, and a text. Beside it the way
     * in stays shown where a licence is in service.
     */
    async agreementLink(id: number, { url, need }: { url: string; need: AgreementNeed }): Promise<void> {
      const link: Endpoint = { endpoint: url, category: 'APP', description: main.endpoints.agreement };
      await subscriptions.setEndpoints(id, need === 'order' ? [link] : [link, ...licenseEndpoints]);
      await subscriptions.setInstructions(
        id,
        inLanguages((texts) => texts.agreement[need](main.endpoints)),
      );
    },

    /** Nothing is left for the customer to do. The link that they used stays shown, since one endpoint has to be. */
    underWay(id: number): Promise<void> {
      return subscriptions.setInstructions(
        id,
        inLanguages((texts) => texts.underWay),
      );
    },

    /** The administrators of the buyer's tenant have to accept us as reseller: the link as endpoint, and a text. */
    async invitation(id: number, { url }: { url: string }): Promise<void> {
      await subscriptions.setEndpoints(id, [
        { endpoint: url, category: 'APP', description: main.endpoints.invitation },
      ]);
      await subscriptions.setInstructions(
        id,
        inLanguages((texts) => texts.invitation(main.endpoints)),
      );
    },

    /** Microsoft's identifiers, for whoever looks at the subscription in the marketplace. Not every account may write them. */
    async identifiers(
      id: number,
      facts: {
        customerId?: string;
        orderId?: string;
        partnerSubscriptionId?: string;
        azure?: { subscriptionId?: string };
      },
    ): Promise<void> {
      const ours = Object.entries({
        microsoftCustomerId: facts.customerId,
        microsoftOrderId: facts.orderId,
        microsoftSubscriptionId: facts.partnerSubscriptionId,
        azureSubscriptionId: facts.azure?.subscriptionId,
      }).flatMap(([key, value]) => (value ? [[key, value] as const] : []));
      try {
        await subscriptions.putMetadata(id, { ...(await subscriptions.metadata(id)), ...Object.fromEntries(ours) });
      } catch (error) {
        const notAllowed = error instanceof AttentionError || error instanceof PermanentError;
        if (!notAllowed) throw error;
      }
    },

    deployed: (id: number): Promise<void> => setStatus(id, 'DEPLOYED'),
    undeployed: (id: number): Promise<void> => setStatus(id, 'UNDEPLOYED'),

    /**
     * Reports FAILED where the marketplace does not show it yet, then why, and what the customer can do. Returns that text in English, or
     * `undefined` where it was not for them to read any more.
     */
    async failed(id: number, { code, params }: { code: string; params: Params }): Promise<string | undefined> {
      const now = await subscriptions.get(id);
      if (!now) {
        throw new RetryableError(
          'cloudesire.not-shown',
          `The marketplace does not show subscription ${id} at this moment, so that its customer cannot be told of the failure.`,
          { effect: 'none' },
        );
      }
      // Whoever has something else by now is not to read that their order failed.
      if (now.deploymentStatus !== 'PENDING' && now.deploymentStatus !== 'FAILED') return undefined;
      if (now.deploymentStatus === 'PENDING') await setStatus(id, 'FAILED');
      const told = (texts: Texts): string => failureText(texts, code)(withFieldNames(params, texts));
      await subscriptions.setInstructions(id, inLanguages(told));
      return told(textsOf('en'));
    },
  };
}

type Subscriptions = Cloudesire['subscriptions'];

/** What the marketplace refuses of our reports is a matter for operations: the customer's order has not failed for it. */
function withOperatorsRefusals(subscriptions: Subscriptions): Subscriptions {
  const told =
    <A extends [number, ...unknown[]], R>(what: string, send: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      try {
        return await send(...args);
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        throw new AttentionError(
          'cloudesire.report-refused',
          `The marketplace refuses the ${what} of subscription ${args[0]}: ${error.message}`,
          { cause: error, facts: error.facts },
        );
      }
    };
  return {
    ...subscriptions,
    setEndpoints: told('endpoints', subscriptions.setEndpoints),
    setInstructions: told('instructions', subscriptions.setInstructions),
    setCredentials: told('credentials', subscriptions.setCredentials),
  };
}
