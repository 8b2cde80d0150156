import { describe, expect, it } from 'vitest';
import { resumeFlow } from '../../../../src/engine/workflow.ts';
import { findReseller } from '../../../../src/workflows/steps/find-reseller.ts';
import { createMemoryJournal, createTestLane } from '../../../support/memory-journal.ts';
import { createTestClock } from '../../../support/test-clock.ts';

describe('the reseller of an order', () => {
  it('is that of the settings of now, once they were corrected, and asked of Microsoft once', async () => {
    const journal = createMemoryJournal();
    const lane = createTestLane();
    let asked = 0;
    async function find(partnerId: string) {
      const flow = await resumeFlow({
        journal,
        lane,
        runId: 'run',
        clock: createTestClock(),
        mayGoOn: async () => {},
        observe: () => {},
      });
      const customers = {
        async resellers() {
          asked += 1;
          return [
            { mpnId: '7100455', tenantId: 'tenant-a' },
            { mpnId: '7100456', tenantId: 'tenant-b' },
          ];
        },
        isPartnerAgreementSigned: async () => true,
      };
      const partnerCenter = { hasUserToken: true, customers } as unknown as Parameters<
        typeof findReseller
      >[2]['partnerCenter'];
      return findReseller(flow, 'kueste-it', {
        partnerCenter,
        resellerPartnerIds: new Map([['kueste-it', partnerId]]),
      });
    }

    expect(await find('7100455')).toEqual({ partnerId: '7100455', tenantId: 'tenant-a' });
    expect(await find('7100456')).toEqual({ partnerId: '7100456', tenantId: 'tenant-b' });
    expect(await find('7100456')).toEqual({ partnerId: '7100456', tenantId: 'tenant-b' });
    expect(asked).toBe(2);
  });
});
