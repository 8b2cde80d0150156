import type { Cloudesire } from '../upstreams/cloudesire/client.ts';
import type { AzureAccess, Texts } from './texts/texts.ts';

export interface AzureReportParts {
  subscriptions: Pick<Cloudesire['subscriptions'], 'setEndpoints' | 'setInstructions' | 'setCredentials'>;
  /** The language of what has one text only. */
  main: Texts;
  inLanguages(choose: (texts: Texts, language: string) => string): Record<string, string>;
}

/** Names of credentials are unique in the marketplace, and have so many characters at most. */
const LONGEST_NAME = 125;

/** What the customer is told of a deployment in Azure. */
export function createAzureReport({ subscriptions, main, inLanguages }: AzureReportParts) {
  return {
    /** Addresses of what was deployed. The marketplace wants an application among them: where there is none, it is the place in the portal. */
    endpoints(
      id: number,
      endpoints: { url: string; category: 'APP' | 'PASSWORD_RESET' | 'DOCUMENTATION' | 'VIDEO'; name?: string }[],
      { portal, access = 'none' }: { portal?: string; access?: AzureAccess } = {},
    ): Promise<void> {
      const told = endpoints.map(({ url, category, name }) => ({
        endpoint: url,
        category,
        description: name ?? main.endpoints.application,
      }));
      const isComplete = told.some(({ category }) => category === 'APP') || portal === undefined;
      if (!isComplete)
        told.unshift({
          endpoint: portal,
          category: 'APP',
          description: main.endpoints[access === 'none' ? 'azureManaged' : 'azurePortal'],
        });
      return told.length > 0 ? subscriptions.setEndpoints(id, told) : Promise.resolve();
    },

    /** Everything that the customer needs to get in, once: the first administrator of a new tenant, what the deployment tells, its secrets. */
    credentials(
      id: number,
      told: {
        administrator: { userName: string; password?: string } | undefined;
        details: { name: string; value: string }[];
        secrets: { name: string; value: string }[];
      },
    ): Promise<void> {
      const { administrator, details, secrets } = told;
      const about = (key: 'userName' | 'password' | 'generated') => inLanguages((texts) => texts.credentials[key]);
      const rows = [
        ...(administrator ? [{ key: 'Username', value: administrator.userName, description: about('userName') }] : []),
        ...(administrator?.password
          ? [{ key: 'Password', value: administrator.password, description: about('password') }]
          : []),
        ...details.map(({ name, value }) => ({ key: name, value, description: inLanguages(() => name) })),
        ...secrets.map(({ name, value }) => ({ key: name, value, description: about('generated') })),
      ];
      const unique = new Map(rows.map((row) => [row.key.slice(0, LONGEST_NAME), row]));
      if (unique.size === 0) return Promise.resolve();
      const credentials = [...unique].map(([key, row], at) => ({ ...row, key, weight: at + 1 }));
      return subscriptions.setCredentials(id, credentials);
    },

    /** What was deployed, who can reach it, and what the template says itself. */
    instructions(
      id: number,
      { access, isNewTenant, own }: { access: AzureAccess; isNewTenant: boolean; own: Record<string, string> },
    ): Promise<void> {
      return subscriptions.setInstructions(
        id,
        inLanguages((texts, language) =>
          [
            texts.azure.ready,
            own[language] ?? own.en,
            ...(isNewTenant ? [texts.azure.newTenant] : []),
            texts.azure.access[access],
          ]
            .filter(Boolean)
            .join('\n\n'),
        ),
      );
    },
  };
}
