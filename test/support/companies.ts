import type { Emulators } from '../emulator/emulators.ts';

const ADDRESS = {
  id: 9101,
  country: 'Italia',
  city: 'Brescia',
  address: 'Via Aldo Moro 18',
  zipCode: '25124',
  state: 'BS',
  countryCode: 'IT',
};

/** A company of its own with one user, who may order as `buyer`. Told twice it is the same one. */
export function addCompany({ cloudesire }: Pick<Emulators, 'cloudesire'>, buyer: number): void {
  cloudesire.putCompany(buyer, {
    name: `Company ${buyer}`,
    self: `userCompany/${buyer}`,
    address: ADDRESS,
    taxCode: 'IT12345678903',
    phoneNumber: '+39 030 555 0100',
    emailAddress: `office@company${buyer}.example`,
    language: 'it',
    users: [{ url: `user/${buyer}` }],
  });
  cloudesire.putBuyer(buyer, {
    name: 'Giulia',
    surname: 'Ferri',
    email: `giulia@company${buyer}.example`,
    phoneNumber: '+39 030 555 0142',
    language: 'it',
    address: ADDRESS,
    company: { url: `userCompany/${buyer}` },
    userCompany: { url: `userCompany/${buyer}` },
  });
}
