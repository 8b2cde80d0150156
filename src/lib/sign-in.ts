const WITH_MFA =
  'run `connector sign-in` and sign in as an admin agent with multi-factor authentication. What it prints becomes PARTNER_CENTER_REFRESH_TOKEN';

/** What cures a user's consent that is missing or no longer holds, as a sentence without its beginning. */
export const SIGN_IN = `${WITH_MFA}: in the file of PARTNER_CENTER_REFRESH_TOKEN_FILE it is taken up by itself, in the environment only when the service is restarted.`;

/** The same where no refresh token was configured when the process began, which therefore follows no file either. */
export const FIRST_SIGN_IN = `${WITH_MFA}, or the file of PARTNER_CENTER_REFRESH_TOKEN_FILE, and is taken up when the service is restarted.`;
