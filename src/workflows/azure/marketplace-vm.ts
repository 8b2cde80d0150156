import json from './marketplace-vm.json' with { type: 'json' };
import { readTemplate, type Template } from './template.ts';

/**
 * Our own template for a machine from an image of the Azure Marketplace: network, static public address with DNS label,
 * firewall, one machine with the purchase plan of its image, if it has one. Ships with the service, and passes the checks
 * that every other template has to pass.
 */
export function readMarketplaceVm(): Template {
  return readTemplate(JSON.stringify(json));
}
