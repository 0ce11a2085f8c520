/** What is read from the tables, and what is written of notifications. It knows SQL and nothing of transactions. */
import type { Database } from 'better-sqlite3';
import type {
  EvidenceColumns,
  IncidentRow,
  NoticeSeenRow,
  NotificationRow,
  ObservationRow,
  StandingRow,
} from './rows.ts';

const OBSERVATION = `t.name as target, l.name as location, o.slot_at, o.at, o.duration_ms, o.kind, o.rung, o.fault, o.detail`;
/** Of one incident only the earliest message that waits may go to a receiver: nobody hears "it is back" before "it is down". */
const NEXT_WAITING = `n.state = 'waiting' and n.receiver not in (select value from json_each(@excluded))
  and not exists (select 1 from notification e where e.state = 'waiting' and e.receiver = n.receiver
    and e.incident = n.incident and e.seq < n.seq)`;

/** Written at a time that has yet to come: the wall clock was set back, and `due_at` means nothing any more. */
const SET_BACK = `iif(n.set_at > 0, n.set_at, n.created_at) > @now + 1000`;

const TOGETHER = `(key = @key or bundle = @key) and state = 'waiting'`;

type QueuedRow = NotificationRow & { attempts: number; bundle: string | null };

interface Settled {
  readonly key: string;
  readonly detail: string;
}

/** Of messages on their way. */
function outgoing(db: Database) {
  return {
    bundleOf: db.prepare<[string], { bundle: string | null }>('select bundle from notification where key = ?'),
    bound: db.prepare<[string], QueuedRow>(
      `select * from notification where bundle = ? and state = 'waiting' order by seq`,
    ),
    // Without what stands behind an older message about the same incident: that one has to be told first.
    waitingFrom: db.prepare<[string], QueuedRow>(
      `select n.* from notification h join notification n on n.receiver = h.receiver and n.seq >= h.seq
       where h.key = ? and n.state = 'waiting' and not exists (select 1 from notification e where e.state = 'waiting'
         and e.receiver = n.receiver and e.incident = n.incident and e.seq < h.seq)
       order by n.seq limit 500`,
    ),
    bind: db.prepare<[string, string]>(`update notification set bundle = ? where key = ? and state = 'waiting'`),
    retry: db.prepare<[Settled & { nextAt: number; now: number }]>(
      `update notification set attempts = attempts + 1, due_at = @nextAt, set_at = @now, detail = @detail where ${TOGETHER}`,
    ),
    settle: db.prepare<[Settled & { state: string; now: number }]>(
      `update notification set attempts = attempts + 1, state = @state, settled_at = @now, detail = @detail where ${TOGETHER}`,
    ),
    notify: db.prepare<[NotificationRow]>(INSERT_NOTIFICATION),
  };
}

/** A message that is there already, settled or not, is not written again. */
export const INSERT_NOTIFICATION = `insert into notification (key, receiver, incident, created_at, due_at, message)
   values (@key, @receiver, @incident, @created_at, @due_at, @message) on conflict (key) do nothing`;

export function statements(db: Database) {
  return {
    standings: db.prepare<[], StandingRow>(
      `select ${OBSERVATION}, s.health from standing s
       join target t on t.id = s.target join location l on l.id = s.location
       join observation o on o.target = s.target and o.location = s.location and o.slot_at =
         (select max(slot_at) from observation where target = s.target and location = s.location)`,
    ),
    observations: db.prepare<[string, number, number, number], ObservationRow>(
      `select ${OBSERVATION} from target t join location l join observation o on o.target = t.id and o.location = l.id
       where t.name = ? and o.slot_at >= ? and o.slot_at < ? order by o.slot_at limit ?`,
    ),
    memory: db.prepare<[string, string], { value: string }>(
      `select m.value from memory m join target t on t.id = m.target join location l on l.id = m.location
       where t.name = ? and l.name = ?`,
    ),
    looksSince: db.prepare<[{ target: string; since: number }], { looks: number }>(
      `select count(*) as looks from target t join location l join observation o
       on o.target = t.id and o.location = l.id and o.slot_at >= @since
       where t.name = @target and coalesce(o.fault, '') not in ('BUDGET', 'QUIET')`,
    ),
    openIncidents: db.prepare<[], IncidentRow>('select * from incident where resolved_at is null order by opened_at'),
    incident: db.prepare<[string], IncidentRow>('select * from incident where id = ?'),
    recentIncidents: db.prepare<[{ since: number; most: number }], IncidentRow>(
      `select * from incident where opened_at >= @since or resolved_at >= @since or resolved_at is null
       order by opened_at desc, id limit @most`,
    ),
    notices: db.prepare<[number], NoticeSeenRow>(
      `select n.*, t.name as target, t.channel from notice n join target t on t.id = n.target
       where n.last_seen_at >= ? or n.last_seen_at = t.noticed_at
       order by coalesce(n.published_at, n.first_seen_at) desc, n.id`,
    ),
    evidence: db.prepare<[string], EvidenceColumns>(
      `select t.name as target, e.at, e.incident, e.name, e.type, e.text from evidence e join target t on t.id = e.target
       where e.incident = ? order by e.at, e.id`,
    ),
    due: db.prepare<[{ now: number; most: number; excluded: string }], NotificationRow & { attempts: number }>(
      `select key, receiver, incident, created_at, due_at, attempts, message from notification n
       where ${NEXT_WAITING} and (n.due_at <= @now or ${SET_BACK}) order by n.due_at, n.seq limit @most`,
    ),
    nextDueAt: db.prepare<[{ excluded: string }], { at: number | null }>(
      `select min(n.due_at) as at from notification n where ${NEXT_WAITING}`,
    ),
    ...outgoing(db),
    depth: db.prepare<[], { waiting: number; oldest: number | null }>(
      `select count(*) as waiting, min(created_at) as oldest from notification where state = 'waiting'`,
    ),
  };
}
