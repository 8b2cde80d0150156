import type { Settings } from './settings.ts';
import { isPrivateOnTheWire } from './values.ts';

const SHORTEST_STRONG_SECRET = 16;

/** Sentences about what will work, though hardly as intended. */
export function warnOfSettings(settings: Settings): string[] {
  const { CMW_EVENT_SECRETS, ENDPOINT_SECRET = [], OPS_TOKEN = '' } = settings;
  const warnings: string[] = [];
  for (const [variableName, secrets] of Object.entries({
    CMW_EVENT_SECRETS,
    ENDPOINT_SECRET,
    OPS_TOKEN: [OPS_TOKEN],
  })) {
    if (secrets.some((secret) => secret !== '' && secret.length < SHORTEST_STRONG_SECRET)) {
      warnings.push(
        `${variableName} has a secret of fewer than ${SHORTEST_STRONG_SECRET} characters: take a longer one.`,
      );
    }
  }
  if (settings.CMW_READ_ONLY) {
    warnings.push(
      'CMW_READ_ONLY is on: nothing is written to any upstream, so nothing is bought and nothing reported.',
    );
  }
  if (settings.ENTRA_AUTHORITY_URL.startsWith('http:')) {
    warnings.push(
      'ENTRA_AUTHORITY_URL is an http: address, which the Azure SDK refuses: Azure products cannot be sold with it.',
    );
  }
  if (settings.CONSUL_TOKEN !== undefined && settings.CONSUL_URL && !isPrivateOnTheWire(new URL(settings.CONSUL_URL))) {
    warnings.push('CONSUL_TOKEN is sent in clear, since CONSUL_URL is an http: address of another host: use https:.');
  }
  const { OTEL_EXPORTER_OTLP_ENDPOINT: collector, OTEL_EXPORTER_OTLP_HEADERS: headers } = settings;
  if (headers !== undefined && collector !== undefined && !isPrivateOnTheWire(new URL(collector))) {
    warnings.push(
      'OTEL_EXPORTER_OTLP_HEADERS are sent in clear, since OTEL_EXPORTER_OTLP_ENDPOINT is an http: address of another host: use https:.',
    );
  }
  if (settings.PARTNER_CENTER_REFRESH_TOKEN === undefined) {
    warnings.push(
      'PARTNER_CENTER_REFRESH_TOKEN is missing: Azure products cannot be sold and agreements cannot be read until it is given.',
    );
  }
  return warnings;
}
