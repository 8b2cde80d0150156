import { createHash } from 'node:crypto';
import { AttentionError } from '../../lib/errors.ts';
import type { TemplateHost } from '../../upstreams/template-host.ts';

import { readMarketplaceVm } from './marketplace-vm.ts';
import type { AzureOrder } from './order.ts';
import { readTemplate, type Template } from './template.ts';

/** Templates by the SHA-256 of their content, in hexadecimal digits. */
export interface TemplateStore {
  get(sha256: string): Promise<string | undefined>;
  put(sha256: string, text: string): Promise<void>;
}

/** A template that has been read and checked. */
export interface Blueprint {
  template: Template;
  /** Of its content, in hexadecimal digits. */
  sha256: string;
}

export interface BlueprintParts {
  templateHost: TemplateHost;
  templates: TemplateStore;
}

/**
 * Reads what an order deploys: for an image our own template of a machine, else the template at the plan's address. With `pinned` it is the
 * content with that digest, which the order keeps to whatever stands at the address by now.
 *
 * @throws {AttentionError} `template.changed` when that content is lost and the address has another one; and as `readTemplate` and
 *   the template host do
 */
export async function readBlueprint(
  deploys: AzureOrder['deploys'],
  pinned: string | undefined,
  { templateHost, templates }: BlueprintParts,
): Promise<Blueprint> {
  if (deploys.kind === 'image') {
    const template = readMarketplaceVm();
    return { template, sha256: createHash('sha256').update(JSON.stringify(template.json)).digest('hex') };
  }
  const kept = pinned && (await templates.get(pinned));
  if (pinned && kept) return { template: readTemplate(kept), sha256: pinned };

  const { address } = deploys;
  async function read(): Promise<Blueprint> {
    const { text, sha256 } = await templateHost.fetch(address);
    if (pinned && sha256 !== pinned) {
      throw new AttentionError(
        'template.changed',
        `The content at the address of its template (SHA-256 ${sha256.slice(0, 12)}…) is not what the order was made with (${pinned.slice(0, 12)}…). Put the former file back there, unless the order is to take up this one.`,
      );
    }
    const template = readTemplate(text);
    await templates.put(sha256, text);
    return { template, sha256 };
  }
  return read().catch((error: unknown) => {
    // A gateway may have answered with a page of its own: a person is told of what was read twice.
    if (error instanceof AttentionError) return read();
    throw error;
  });
}

/** The resource providers that have to be known in the Azure subscription. Terms of images are kept by one of their own. */
export function providersOf(deploys: AzureOrder['deploys'], { template }: Blueprint): string[] {
  return deploys.kind === 'image' ? [...template.namespaces, 'Microsoft.MarketplaceOrdering'] : template.namespaces;
}

/** The types of what a template creates, by what they are for, so that a person sees what an order stands for. */
export function architectureOf({ template }: Blueprint): Record<string, string[]> {
  const byRole = Map.groupBy(template.resources, ({ role }) => role);
  return Object.fromEntries(
    [...byRole].map(([role, resources]) => [role, [...new Set(resources.map(({ type }) => type))]]),
  );
}
