import { randomBytes } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Call } from '../core/server.ts';
import { idOf, type User } from './model.ts';
import { refusal } from './refusal.ts';
import type { Account, State } from './state.ts';
import type { Switches } from './switches.ts';

export interface Authentication {
  /** The user behind a call. @throws {Refusal} 401 */
  userOf(call: Call): User;
  /** A new token; a permanent one voids the permanent token that the user had. */
  login(user: User, permanent: boolean): string;
  logout(call: Call): void;
  /** Ends every token of `POST /login?expire=true`. */
  expireLoginTokens(): void;
  /** Every token that was ever valid. */
  tokens(): string[];
  reset(): void;
}

/**
 * Returns who may call: `CMW-Auth-Token` (permanent or from a login), or Basic with user name or e-mail address.
 *
 * @see https://docs.cloudesire.com/docs/api.html
 */
export function createAuthentication(parts: { clock: Clock; state: State; switches: Switches }): Authentication {
  const { clock, state, switches } = parts;
  const loginTokens = new Map<string, { user: number; expiresAt: number }>();
  const everValid = new Set<string>();

  function byToken(token: string): User | undefined {
    const permanent = [...state.accounts.values()].find(({ permanentToken }) => permanentToken === token);
    if (permanent !== undefined) return state.users.get(permanent.user);
    const login = loginTokens.get(token);
    return login !== undefined && login.expiresAt > clock.now() ? state.users.get(login.user) : undefined;
  }

  function byPassword(credentials: string): User | undefined {
    const [, name = '', password = ''] = /^([^:]*):(.*)$/s.exec(credentials) ?? [];
    const user = [...state.users.values()].find(({ userName, email }) => userName === name || email === name);
    const account: Account | undefined = user === undefined ? undefined : state.accounts.get(user.id);
    return account !== undefined && account.password === password ? user : undefined;
  }

  return {
    userOf(call) {
      const token = call.headers['cmw-auth-token'];
      const basic = /^Basic (\S+)$/i.exec(call.headers.authorization ?? '')?.[1];
      const user =
        token !== undefined
          ? byToken(token)
          : basic !== undefined
            ? byPassword(Buffer.from(basic, 'base64').toString('utf8'))
            : undefined;
      if (user === undefined) throw refusal(401, 'Authentication failed', 'authentication-failed');
      return user;
    },

    login(user, permanent) {
      const token = `${permanent ? 'perm' : 'login'}-${randomBytes(24).toString('base64url')}`;
      everValid.add(token);
      if (permanent) {
        const account = state.accounts.get(user.id);
        if (account !== undefined) account.permanentToken = token;
      } else {
        loginTokens.set(token, { user: user.id, expiresAt: clock.now() + switches.loginTokenLifetimeMs });
      }
      return token;
    },

    logout(call) {
      loginTokens.delete(call.headers['cmw-auth-token'] ?? '');
    },

    expireLoginTokens() {
      loginTokens.clear();
    },

    tokens() {
      const permanent = [...state.accounts.values()].flatMap(({ permanentToken }) => permanentToken ?? []);
      return [...new Set([...permanent, ...everValid])];
    },

    reset() {
      loginTokens.clear();
    },
  };
}

export function isAdministrator({ userRole }: User): boolean {
  return userRole === 'ROLE_ADMIN' || userRole === 'ROLE_SUPERADMIN';
}

export function isVendor({ userRole }: User): boolean {
  return userRole === 'ROLE_VENDOR';
}

/** Whether a user works for the vendor company that this id names. */
export function worksFor(user: User, companyId: number): boolean {
  return isVendor(user) && user.company !== undefined && idOf(user.company) === companyId;
}
