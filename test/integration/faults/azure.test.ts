import { sweepFaults } from '../../support/fault-sweep.ts';
import { AZURE_IMAGE } from '../../support/lives.ts';

await sweepFaults([AZURE_IMAGE]);
