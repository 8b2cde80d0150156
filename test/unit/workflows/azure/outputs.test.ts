import { describe, expect, it } from 'vitest';
import { readOutputs } from '../../../../src/workflows/azure/outputs.ts';

const text = (value: unknown, type = 'string') => ({ type, value });

describe('addresses', () => {
  it('are endpoints: applications, but for those whose name says otherwise', () => {
    const { endpoints } = readOutputs({
      applicationUrl: text('https://shop.example/'),
      documentation_url: text('https://docs.example/start'),
      passwordResetUrl: text('https://shop.example/reset'),
      videoUrl: text('https://video.example/1'),
      adminConsole: text('https://shop.example/admin'),
    });

    expect(endpoints).toEqual([
      { url: 'https://shop.example', category: 'APP' },
      { url: 'https://docs.example/start', category: 'DOCUMENTATION', name: 'Documentation URL' },
      { url: 'https://shop.example/reset', category: 'PASSWORD_RESET', name: 'Password reset URL' },
      { url: 'https://video.example/1', category: 'VIDEO', name: 'Video URL' },
      { url: 'https://shop.example/admin', category: 'APP', name: 'Admin console' },
    ]);
  });

  it('have no other kind by a name that every object has', () => {
    expect(readOutputs({ constructor: text('https://shop.example/') }).endpoints).toEqual([
      { url: 'https://shop.example', category: 'APP', name: 'Constructor' },
    ]);
  });

  it('that are not https, or carry credentials, are no endpoints', () => {
    const { endpoints } = readOutputs({
      url: text('http://shop.example'),
      other: text('https://user:secret@shop.example'),
      third: text('javascript:alert(1)'),
    });

    expect(endpoints).toEqual([]);
  });

  it('follow from the name of the host where the template gives no application', () => {
    expect(readOutputs({ fqdn: text('a.westeurope.cloudapp.azure.com') }).endpoints).toEqual([
      { url: 'https://a.westeurope.cloudapp.azure.com', category: 'APP' },
    ]);
    expect(
      readOutputs({ fqdn: text('a.example'), appUrl: text('https://b.example') }).endpoints.map(({ url }) => url),
    ).toEqual(['https://b.example']);
  });
});

describe('details', () => {
  it('are texts, numbers and truth values under their names in words, in their order', () => {
    const { details } = readOutputs({
      adminUsername: text('azureadmin'),
      publicIpAddress: text('20.50.1.2'),
      databasePort: text(5432, 'int'),
      highAvailability: text(false, 'bool'),
    });

    expect(details).toEqual([
      { name: 'Admin username', value: 'azureadmin' },
      { name: 'Public IP address', value: '20.50.1.2' },
      { name: 'Database port', value: '5432' },
      { name: 'High availability', value: 'false' },
    ]);
  });

  it('leave out what tells the customer nothing: ids of resources, lists, objects, empty and endless texts', () => {
    const { details } = readOutputs({
      virtualMachineId: text('/subscriptions/1/resourceGroups/g'),
      names: text(['a'], 'array'),
      settings: text({ a: 1 }, 'object'),
      nothing: text(''),
      novel: text('x'.repeat(1_001)),
    });

    expect(details).toEqual([]);
  });

  it('never show what is declared to be secret', () => {
    const given = readOutputs({
      connection: text('Server=db;Password=x', 'SecureString'),
      url: text('https://a.example', 'securestring'),
    });

    expect(given).toEqual({ endpoints: [], details: [], instructions: {} });
  });
});

describe('instructions', () => {
  it('are one text, or one for each language', () => {
    expect(readOutputs({ instructions: text('Sign in with the user name.') }).instructions).toEqual({
      en: 'Sign in with the user name.',
    });
    expect(
      readOutputs({ instructions: text({ en: 'Sign in.', it: 'Accedi.', xxx: 'no', de: 1 }, 'object') }).instructions,
    ).toEqual({
      en: 'Sign in.',
      it: 'Accedi.',
    });
  });

  it.each(['Open https://shop.example', 'See www.shop.example', 'Click <a href="x">here</a>', ' ', 'x'.repeat(3_001)])(
    'that the marketplace would refuse are left out: %#',
    (instructions) => {
      expect(readOutputs({ instructions: text(instructions) }).instructions).toEqual({});
    },
  );
});
