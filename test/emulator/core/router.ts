interface Route<Target> {
  method: string;
  segments: string[];
  target: Target;
}

export interface Router<Target> {
  add(method: string, pattern: string, target: Target): void;
  find(method: string, path: string): { target: Target; params: Record<string, string> } | undefined;
}

/**
 * Returns a table of routes by method and pattern, e.g. `/v1/customers/:customerId/orders`. Literal segments match
 * without regard to case and win over parameters, the leftmost difference deciding; parameters are never empty and come
 * out decoded. Of two equal patterns the later one holds.
 */
export function createRouter<Target>(): Router<Target> {
  const routes: Route<Target>[] = [];

  return {
    add(method, pattern, target) {
      routes.unshift({ method: method.toUpperCase(), segments: pattern.split('/'), target });
    },

    find(method, path) {
      const parts = path.split('/');
      let best: { route: Route<Target>; params: Record<string, string> } | undefined;
      for (const route of routes) {
        if (route.method !== method.toUpperCase()) continue;
        const params = matchSegments(route.segments, parts);
        if (params !== undefined && (best === undefined || isMoreLiteral(route.segments, best.route.segments))) {
          best = { route, params };
        }
      }
      return best === undefined ? undefined : { target: best.route.target, params: best.params };
    },
  };
}

function matchSegments(segments: string[], parts: string[]): Record<string, string> | undefined {
  if (segments.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, segment] of segments.entries()) {
    const value = decode(parts[index]!);
    if (value === undefined) return undefined;
    if (segment.startsWith(':')) {
      if (value === '') return undefined;
      params[segment.slice(1)] = value;
    } else if (segment.toLowerCase() !== value.toLowerCase()) {
      return undefined;
    }
  }
  return params;
}

function isMoreLiteral(segments: string[], than: string[]): boolean {
  for (const [index, segment] of segments.entries()) {
    const isParameter = segment.startsWith(':');
    if (isParameter !== than[index]!.startsWith(':')) return !isParameter;
  }
  return false;
}

function decode(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
