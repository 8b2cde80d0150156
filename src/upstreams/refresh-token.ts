/** Where the refresh token of the partner's user rests, which Entra ID replaces at each use: all clients that act for the user share it. */
export interface RefreshTokenStore {
  /** The newest one that came from the configured one; `undefined` when none was saved, or none that can be read. */
  load(configured: string | undefined): Promise<string | undefined>;
  save(token: string, configured: string | undefined): Promise<void>;
}
