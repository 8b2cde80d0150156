import type { Api } from './api.ts';
import { type Authentication, isAdministrator, isVendor } from './authentication.ts';
import { flag } from './listing.ts';
import { accessDenied } from './refusal.ts';
import type { State } from './state.ts';

/** Routes of signing in and out, and of the question who one is. */
export function addSessionRoutes(parts: { api: Api; state: State; authentication: Authentication }): void {
  const { api, state, authentication } = parts;

  api.route('POST', '/login', ({ call, user }) => {
    const expires = flag(call.query, 'expire') ?? true;
    const token = authentication.login(user, !expires);
    state.note('logged-in', { user: user.id, permanent: !expires });
    return {
      status: 200,
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
      body: JSON.stringify(token),
    };
  });

  api.route('POST', '/logout', ({ call }) => {
    authentication.logout(call);
    return { status: 204 };
  });

  const roles = {
    amIUser: () => true,
    amIVendor: isVendor,
    amIVendorOrAdmin: (user: Parameters<typeof isVendor>[0]) => isVendor(user) || isAdministrator(user),
    amIAdmin: isAdministrator,
    amISupervisor: isAdministrator,
  };
  for (const [question, holds] of Object.entries(roles)) {
    api.route('GET', `/user/${question}`, ({ user }) => {
      if (!holds(user)) throw accessDenied();
      return { status: 204 };
    });
  }
}
