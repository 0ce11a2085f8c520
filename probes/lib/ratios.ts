/** Of a target's last calls, how many were answered (ASR) and how many the network carried to the line (NER). It makes no call. */
import type { Fact, Finding } from '../../src/core/model.ts';
import type { Memory } from '../../src/core/probe.ts';
import { recallCalls, rememberCalls } from './callmemory.ts';

const MOST = 20;

/** ITU-T E.425: whoever is busy, or does not pick up, was reached by the network all the same. */
const REACHED: ReadonlySet<Fact> = new Set(['busy', 'no_answer', 'unavailable']);

/** `answered`; `reached`; `hung up` by us while it rang, which says nothing about answers; `lost` on the way. */
type Mark = 'a' | 'r' | 'h' | 'l';

/** The same finding with `calls`, `asr` and `ner` over the last 20 calls; without a memory as it was. */
export function counted(finding: Finding, memory: Memory | undefined): Finding {
  const mark = markOf(finding);
  if (memory === undefined || mark === undefined) return finding;
  const marks = (earlier(memory) + mark).slice(-MOST);
  rememberCalls(memory, { calls: marks });
  const count = (wanted: RegExp): number => marks.replace(wanted, '').length;
  const [calls, asked] = [marks.length, count(/h/g)];
  const facts = {
    ...{ calls, ner: rounded(count(/l/g) / calls) },
    ...(asked === 0 ? {} : { asr: rounded(count(/[^a]/g) / asked) }),
  };
  return { ...finding, facts: { ...finding.facts, ...facts } };
}

/** Undefined: no call that says anything about the line or the way to it. */
function markOf({ facts, phases }: Finding): Mark | undefined {
  const { outcome, blame } = { outcome: facts['outcome'], blame: facts['blame'] };
  if (outcome === undefined || (blame !== 'line' && blame !== 'trunk')) return undefined;
  // By signal, whatever was heard then: that is what carriers count.
  if (phases['answer'] !== undefined) return 'a';
  if (outcome === 'rang') return 'h';
  return REACHED.has(outcome) ? 'r' : 'l';
}

function earlier(memory: Memory): string {
  const { calls = '' } = recallCalls(memory);
  return /^[arhl]*$/.test(calls) ? calls : '';
}

const rounded = (ratio: number): number => Math.round(ratio * 10_000) / 10_000;
