/** Which of our own ports a firewall lets through, as settings say it. It opens none. */
import { z } from 'zod';

/** Both included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Schema of `40000-40099`; at least one even port is among them. */
export const portRange = () =>
  z.string().transform((text, ctx): PortRange => {
    const [, from = 0, to = 0] = (/^(\d{4,5})-(\d{4,5})$/.exec(text) ?? []).map(Number);
    if (from >= 1_024 && to > from && to <= 65_535) return { from, to };
    ctx.addIssue({ code: 'custom', message: `"${text}" is no range of ports from 1024 to 65535; write 40000-40099` });
    return z.NEVER;
  });
