/** What it costs to rule on one look, without storing it. Run it with `node tests/bench/judge.bench.ts [looks]`. */
import { failed, fault, ok } from '../../src/core/fault.ts';
import { openCalendar } from '../../src/core/calendar.ts';
import { UNKNOWN_HEALTH, type Health } from '../../src/core/judge.ts';
import type { Finding, Incident } from '../../src/core/model.ts';
import { rule } from '../../src/core/rule.ts';
import { world } from '../lib/world.ts';

const looks = Number(process.argv[2] ?? 500_000);
const GOOD = ok('answered', { phases: { reply: 20 }, facts: { status: 200 } });
const BAD = failed('none', fault('TCP_REFUSED', 'refused'));
const channels = ['hotline', 'chat', 'sso'];
const { channel, ...setting } = world({ channels }).setting('hotline');
const hours = { weekly: 'Mo-Su 00:00-23:00', timezone: 'Asia/Jakarta', holidays: [], onHolidays: 'open', workdays: [] };
const calendar = openCalendar({ ...hours, onHolidays: 'open' }, []);

function measure(name: string, findingAt: (look: number) => Finding): void {
  const [target] = channel.targets;
  if (target === undefined) return;
  const brief = { target, setting: { ...setting, channel }, calendar };
  let health: Health = UNKNOWN_HEALTH;
  let incidents: readonly Incident[] = [];
  let told = 0;
  const begun = process.cpuUsage();
  for (let look = 0; look < looks; look++) {
    const at = 1_795_000_000_000 + look * 30_000;
    const observation = {
      target: target.id,
      location: 'here',
      slotAt: at,
      at,
      durationMs: 20,
      finding: findingAt(look),
    };
    const ruling = rule({ health, elsewhere: [], incidents }, observation, brief);
    health = ruling.health;
    if (ruling.incident !== undefined) incidents = [ruling.incident];
    told += ruling.notifications.length;
  }
  const { user, system } = process.cpuUsage(begun);
  console.log(`${name}: ${((user + system) / looks).toFixed(2)} us of CPU per look, ${told} told`);
}

measure('all is well', () => GOOD);
measure('one look in a hundred fails', (look) => (look % 100 === 0 ? BAD : GOOD));
measure('down for an hour in six', (look) => (look % 720 < 120 ? BAD : GOOD));
measure('down all the time', () => BAD);
measure('flapping', (look) => (look % 2 === 0 ? BAD : GOOD));
