interface Route<Target> {
  method: string;
  expression: RegExp;
  /** How exactly it says what it is for: literal segments of the provider's part, no scope, literal segments in all. */
  rank: [number, number, number];
  target: Target;
}

export interface ScopedRoutes<Target> {
  add(method: string, pattern: string, target: Target): void;
  find(method: string, path: string): { target: Target; params: Record<string, string> } | undefined;
  /** The methods that a path is known for. */
  methodsOf(path: string): string[];
}

/**
 * Returns a table of routes as Azure Resource Manager has them: matched without regard to case, with one-segment
 * parameters (`:name`) and, at the start, a scope of any length (`*scope`). Of several, the one wins that says more about
 * what stands behind `providers`, then one without a scope, then the one with more literal segments. Parameters come out
 * decoded, a scope with a slash in front.
 */
export function createScopedRoutes<Target>(): ScopedRoutes<Target> {
  const routes: Route<Target>[] = [];

  function match(route: Route<Target>, path: string): Record<string, string> | undefined {
    const groups = route.expression.exec(path)?.groups;
    if (groups === undefined) return undefined;
    try {
      return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
    } catch {
      return undefined;
    }
  }

  return {
    add(method, pattern, target) {
      const segments = pattern.split('/').filter((segment) => segment !== '');
      const source = segments
        .map((segment) => {
          if (segment.startsWith('*')) return `(?<${segment.slice(1)}>/.+)`;
          if (segment.startsWith(':')) return `/(?<${segment.slice(1)}>[^/]+)`;
          return `/${segment.replaceAll('.', '\\.')}`;
        })
        .join('');
      routes.push({
        method,
        expression: new RegExp(`^${source === '' ? '/' : source}(?<_end>)$`, 'i'),
        rank: [
          segments.slice(segments.lastIndexOf('providers') + 1).filter(isLiteral).length,
          Number(!pattern.includes('*')),
          segments.filter(isLiteral).length,
        ],
        target,
      });
    },

    find(method, path) {
      const matches = routes
        .filter((route) => route.method === method)
        .flatMap((route) => {
          const params = match(route, path);
          return params === undefined ? [] : [{ route, params }];
        })
        .sort((a, b) => compare(b.route.rank, a.route.rank));
      const best = matches[0];
      if (best === undefined) return undefined;
      const { _end, ...params } = best.params;
      return { target: best.route.target, params };
    },

    methodsOf(path) {
      return [...new Set(routes.filter((route) => match(route, path) !== undefined).map(({ method }) => method))];
    },
  };
}

function isLiteral(segment: string): boolean {
  return !/^[:*]/.test(segment);
}

function compare(a: number[], b: number[]): number {
  const at = a.findIndex((value, index) => value !== b[index]);
  return at < 0 ? 0 : a[at]! - b[at]!;
}
