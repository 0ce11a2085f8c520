/** The settings that every kind takes: how far and by which way it may reach. */
import { z } from 'zod';
import { duration } from '../../src/core/duration.ts';

export const reach = {
  timeout: duration().optional().meta({ description: 'longest a look may take, such as 5s' }),
  allow_private: z
    .boolean()
    .default(false)
    .meta({ description: 'allow addresses in private and loopback ranges (link-local and metadata stay forbidden)' }),
  ip: z
    .union([z.literal(4), z.literal(6)])
    .optional()
    .meta({ description: 'use only this version of IP' }),
  ca: z.string().optional().meta({ description: 'PEM file with further certificate authorities to trust' }),
};

/** What the connector needs of a kind's settings. */
export interface Reach {
  readonly allow_private: boolean;
  readonly ip?: 4 | 6 | undefined;
  readonly ca?: string | undefined;
}
