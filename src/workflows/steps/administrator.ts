import type { Flow } from '../../engine/workflow.ts';
import type { SecretBox } from '../../lib/secret-box.ts';
import type { CustomerDirectory } from '../customer-directory.ts';
import type { Look } from '../look.ts';

export interface AdministratorParts {
  directory: CustomerDirectory;
  box: SecretBox;
}

/** First administrator of a tenant that was made for the customer; the password is missing where the answer with it got lost. */
export interface Administrator {
  userName: string;
  password?: string;
}

/** The administrator who still has to be handed over, if the tenant was made by us and nobody did it before. */
export async function administratorOf(
  owner: string,
  { directory, box }: AdministratorParts,
): Promise<Administrator | undefined> {
  const administrator = (await directory.find(owner))?.administrator;
  if (!administrator) return undefined;
  const { userName, sealedPassword } = administrator;
  return { userName, ...(sealedPassword && { password: box.open(sealedPassword) }) };
}

/** Tells operations that the password has to be reset, for the customer cannot get in without. */
export function tellLostPassword(look: Look, owner: string): Promise<void> {
  return look.tellOperations({
    code: 'customer.password-lost',
    message: `The first password of the new tenant of ${owner} was in an answer of Partner Center that got lost. Reset it in Partner Center and give it to the customer.`,
  });
}

/** Handed over once and kept nowhere: from here on only the customer has it. */
export function forgetPassword(
  flow: Flow,
  look: Look,
  owner: string,
  { directory }: AdministratorParts,
): Promise<void> {
  return flow.step('forget the password', async () => {
    const known = await directory.find(owner);
    if (!known) return;
    const { administrator: _handedOver, ...customer } = known;
    await directory.save(look.lane, owner, customer);
  });
}
