/** What the looks at one target leave each other, kept as the store keeps it: as text, so that each look may be another process's. */
import type { Finding } from '../../src/core/model.ts';
import type { Memory } from '../../src/core/probe.ts';
import { openMemory } from '../../src/core/recall.ts';

export class Diary {
  /** What stands in it now, as JSON. */
  text: string | undefined;

  /** One look that reads what was left and leaves something itself. */
  async of(look: (context: { readonly memory: Memory }) => Promise<Finding>): Promise<Finding> {
    const memory = openMemory(this.text);
    const finding = await look({ memory });
    this.text = memory.left() ?? this.text;
    return finding;
  }
}
