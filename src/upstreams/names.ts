/** Upstreams as people call them, by the name that codes and metrics bear. The console has the same list. */
const NAMES: Record<string, string> = {
  cloudesire: 'Cloudesire',
  'partner-center': 'Partner Center',
  entra: 'Entra ID',
  arm: 'Azure',
};

/** What people call an upstream. */
export function nameOf(upstream = 'the upstream'): string {
  return NAMES[upstream] ?? upstream;
}
